// Runs a patching experiment: the donor's activations, read from its clean run, are edits of the
// recipient (intervene.h).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/intervention/intervene.h"
#include "model/intervention/patch_plan.h"
#include "model/intervention/resolve_clamps.h"
#include "model/intervention/resolve_edits.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::intervention {

// A request in the model's terms. Everything must outlive the call.
struct PreparedPatch {
  const gemma3::ModelInput& donor;
  const gemma3::ModelInput& recipient;
  const EditLimits& donor_limits;
  const EditLimits& recipient_limits;
  const PatchRequest& request;
  const PatchPlan& plan;
  ResolvedClamps donor_clamps;
  ResolvedClamps recipient_clamps;
  std::vector<int64_t> token_ids;  // of request.report.tokens
  int64_t sets_at_once = 1;
};

// The texts of tokens are left to the caller. Phases "vision" and "forward" for both clean runs,
// "encode", then "edit", one unit per run. INVALID_ARGUMENT, NOTHING_ACTIVE, when `layers` are
// asked for and no feature of them is active at a paired position. Needs the model's thread.
absl::StatusOr<PatchResult> PatchActivations(const gemma3::Model& model,
                                             const transcoder::TranscoderSet& transcoders,
                                             const PreparedPatch& prepared, RunContext* context);

}  // namespace cajal::intervention
