// A request of Intervene, written out for one prompt. No torch; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/intervention/resolve_clamps.h"
#include "model/intervention/resolve_edits.h"

namespace cajal::intervention {

struct FeatureAt {
  int32_t layer = 0;
  int32_t position = 0;
  int32_t feature = 0;
};

// Refers to the edits of the request.
struct InterventionPlan {
  std::vector<ResolvedEdits> sets;
  ResolvedClamps clamps;          // of the clean run and of all sets; other clamps are in the sets
  std::vector<FeatureAt> listed;  // whose activations are compared
  int32_t position = 0;           // whose logits are compared, from 0
};

// Errors are those of ResolveEdits with fields below "edit_sets[i]", of ResolveClamps with the
// field "session", InvalidField for a set that changes nothing, and those of PlanReport.
absl::StatusOr<InterventionPlan> PlanIntervention(const InterventionRequest& request,
                                                  const EditLimits& limits);

// Fills in what is compared. InvalidField with "report.position" or a field below
// "report.features[i]".
absl::Status PlanReport(const Report& report, const EditLimits& limits, InterventionPlan* plan);

// What needs no prompt: numbers of the request itself. Fields "edit_sets",
// "settings.freeze.first_layer", "settings.zero_positions", "report.top_k", "report.limit" and
// others.
absl::Status CheckRequest(const InterventionRequest& request, int32_t n_layers, int32_t vocab_size,
                          int32_t max_positions);

}  // namespace cajal::intervention
