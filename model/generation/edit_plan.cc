#include "model/generation/edit_plan.h"

#include <iterator>
#include <string>

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
  ASSIGN_OR_RETURN(plan.clamps,
                   intervention::ResolveClamps(request.clamps.clamps, limits, "session"));
  intervention::EditLimits beside_clamps = limits;
  beside_clamps.clamps = &plan.clamps;
  for (size_t i = 0; i < request.edit_sets.size(); ++i) {
    ASSIGN_OR_RETURN(plan.sets.emplace_back(),
                     intervention::ResolveEdits(request.edit_sets[i], beside_clamps,
                                                "edit_sets[" + std::to_string(i) + "]"));
  }
  if (request.clamps.unclamped_clean_run) {
    intervention::TurnClampsIntoEdits(&plan.clamps, &plan.sets);
  }
  intervention::EncodedPlaces of_prompt;
  intervention::EncodedPlaces of_new_tokens;
  const auto count = [&](const intervention::ResolvedEdits& edits, int64_t n_runs) {
    plan.changes_prompt = plan.changes_prompt || !edits.features.empty() || !edits.hooks.empty();
    of_prompt += n_runs * intervention::MostEncodedPlaces(edits.features);
    of_new_tokens += n_runs * intervention::MostEncodedPlaces(edits.generated_features);
  };
  count(plan.clamps.Writes(), std::ssize(plan.sets) + 1);
  for (const intervention::ResolvedEdits& set : plan.sets) count(set, 1);
  plan.encoded = of_prompt;
  plan.encoded.Widen(request.samples * of_new_tokens);
  return plan;
}

}  // namespace cajal::generation
