#include "model/generation/edit_plan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "model/base/status.h"

namespace cajal::generation {

absl::Status CheckSettings(const intervention::RunSettings& settings, int32_t n_layers,
                           int32_t max_positions) {
  if (settings.freeze.kind != intervention::FreezeKind::kNone) {
    return InvalidField("settings.freeze.kind",
                        "must be none: new tokens have no clean run to be frozen to");
  }
  if (settings.baseline == intervention::Baseline::kClean) {
    return InvalidField("settings.baseline",
                        "must be running: new tokens have no clean run to start from");
  }
  return intervention::CheckRunSettings(settings, n_layers, max_positions);
}

absl::StatusOr<EditPlan> PlanEdits(const GenerateRequest& request,
                                   const intervention::EditLimits& limits) {
  EditPlan plan;
  int64_t of_prompt = 0;
  int64_t of_new_tokens = 0;
  for (size_t i = 0; i < request.edit_sets.size(); ++i) {
    const std::string field = "edit_sets[" + std::to_string(i) + "]";
    ASSIGN_OR_RETURN(intervention::ResolvedEdits edits,
                     intervention::ResolveEdits(request.edit_sets[i], limits, field));
    plan.changes_prompt = plan.changes_prompt || !edits.features.empty() || !edits.hooks.empty();
    of_prompt += intervention::MostEditedPositions(edits.features);
    of_new_tokens += intervention::MostEditedPositions(edits.generated_features);
    plan.sets.push_back(std::move(edits));
  }
  plan.n_encoded_rows = std::max(of_prompt, request.samples * of_new_tokens);
  return plan;
}

}  // namespace cajal::generation
