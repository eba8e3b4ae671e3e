// Removes direct effects: measures them in the frozen model, and runs what follows from them.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/intervention/cut.h"
#include "model/intervention/resolve_edits.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::intervention {

// Edges with positions from 0, checked. INVALID_ARGUMENT names a field below "edges[i]": a layer,
// feature or position that does not exist, an error at a position without features, a source that
// lies not below its target, CONFLICTING_EDITS for an edge that is named twice.
absl::StatusOr<std::vector<CutEdge>> PlanCut(const CutRequest& request, const EditLimits& limits);

// A request in the model's terms. Everything must outlive the call.
struct PreparedCut {
  const gemma3::ModelInput& input;
  const CutRequest& request;
  const std::vector<CutEdge>& edges;  // of PlanCut
  const EditLimits& limits;
  std::vector<int64_t> target_tokens;  // of each edge: the target's token; -1 for features
  std::vector<int64_t> token_ids;      // of request.report.tokens
  int64_t runs_at_once = 1;
};

// The texts of tokens are left to the caller. Phases "vision" and "forward", then "cut", one unit
// for each edge and for each target, then "edit". Needs the model's thread.
absl::StatusOr<CutResult> CutEdges(const gemma3::Model& model,
                                   const transcoder::TranscoderSet& transcoders,
                                   const PreparedCut& prepared, RunContext* context);

}  // namespace cajal::intervention
