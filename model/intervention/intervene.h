// Runs edit sets: one clean pass, then all sets side by side as one batch, in as many batches as
// memory makes necessary.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/attribution/trace.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/intervention/encoded_places.h"
#include "model/intervention/intervention.h"
#include "model/intervention/intervention_plan.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::intervention {

struct LogitChange {
  int64_t token_id = 0;
  float change = 0;
};

// A request in the model's terms. Everything must outlive the call.
struct PreparedIntervention {
  const gemma3::ModelInput& input;
  const gemma3::ModelInput* donor = nullptr;  // null without one
  const InterventionRequest& request;
  const InterventionPlan& plan;
  std::vector<int64_t> token_ids;  // of request.report.tokens
  int64_t sets_at_once = 1;
  // Added to the edited logits at the report's position, before the soft-cap.
  std::vector<LogitChange> logit_changes = {};
};

// The texts of tokens are left to the caller. Phases "vision" and "forward" for the clean run and
// the donor's, then "edit", one unit per edit set. Needs the model's thread.
absl::StatusOr<InterventionResult> Intervene(const gemma3::Model& model,
                                             const transcoder::TranscoderSet& transcoders,
                                             const PreparedIntervention& prepared,
                                             RunContext* context);

// What runs with these settings need to know of a prompt's run without edits. `clamps` hold in it.
// entry: where the runs begin, if that is not block 0 (entry_point.h).
absl::StatusOr<attribution::Trace> RecordCleanRun(const gemma3::Model& model,
                                                  const gemma3::ModelInput& input,
                                                  const transcoder::TranscoderSet& transcoders,
                                                  const RunSettings& settings,
                                                  const ResolvedClamps& clamps, RunContext* context,
                                                  const gemma3::HookPoint& entry = {});

// The same as Intervene on a clean run of `prepared.input`, with the plan's clamps, that was
// recorded before.
absl::StatusOr<InterventionResult> InterveneOn(const attribution::Trace& clean,
                                               const gemma3::Model& model,
                                               const transcoder::TranscoderSet& transcoders,
                                               const PreparedIntervention& prepared,
                                               RunContext* context);

// Memory beyond the model. `n_images` and donor: pictures and crops; n_donor is 0 without a donor.
struct InterventionSize {
  int64_t n_positions = 0;
  int64_t n_images = 0;
  int64_t n_donor_positions = 0;
  int64_t n_donor_images = 0;
  int64_t n_sets = 0;
  bool freezes = false;     // attention, at least: more of the clean run is kept
  EncodedPlaces encoded;    // of a run and one layer, for its edits and its clamps
  int64_t kept_layers = 0;  // whose feature inputs activations are read from
  bool all_changed = false;
  bool return_logits = false;
};
struct InterventionBytes {
  int64_t fixed = 0;    // of the clean run, the donor's and the results
  int64_t per_set = 0;  // for each set that runs at once

  // How many sets run side by side within `budget_bytes`: from 1 to n_sets, and no more than fill a
  // matrix product.
  [[nodiscard]] int64_t SetsAtOnce(int64_t n_sets, int64_t budget_bytes) const;
};
InterventionBytes EstimateInterventionBytes(const checkpoint::Gemma3Config& config,
                                            const transcoder::TranscoderSetInfo& transcoders,
                                            const InterventionSize& size);

}  // namespace cajal::intervention
