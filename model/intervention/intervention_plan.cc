#include "model/intervention/intervention_plan.h"

#include <string>

#include "model/base/status.h"
#include "model/intervention/feature_check.h"

namespace cajal::intervention {
namespace {

absl::Status RefuseGenerated(const Positions& positions, const std::string& field) {
  if (positions.kind != PositionKind::kGenerated) return absl::OkStatus();
  return InvalidField(field, "means generated tokens, of which this call makes none");
}

absl::Status RefuseGenerated(const EditSet& set, const std::string& field) {
  for (size_t i = 0; i < set.features.size(); ++i) {
    RETURN_IF_ERROR(RefuseGenerated(set.features[i].positions,
                                    FieldItem(field + ".feature_edits", i) + ".positions"));
  }
  for (size_t i = 0; i < set.hooks.size(); ++i) {
    RETURN_IF_ERROR(RefuseGenerated(set.hooks[i].positions,
                                    FieldItem(field + ".hook_edits", i) + ".positions"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<InterventionPlan> PlanIntervention(const InterventionRequest& request,
                                                  const EditLimits& limits) {
  InterventionPlan plan;
  ASSIGN_OR_RETURN(plan.clamps, ResolveClamps(request.clamps.clamps, limits, "session"));
  EditLimits beside_clamps = limits;
  beside_clamps.clamps = &plan.clamps;
  const bool has_clamps_alone = request.clamps.unclamped_clean_run && !plan.clamps.empty();
  for (size_t i = 0; i < request.edit_sets.size(); ++i) {
    const std::string field = FieldItem("edit_sets", i);
    const EditSet& set = request.edit_sets[i];
    if (set.features.empty() && set.hooks.empty() && !has_clamps_alone) {
      return InvalidField(field, "is empty; an edit set needs at least one edit");
    }
    RETURN_IF_ERROR(RefuseGenerated(set, field));
    ASSIGN_OR_RETURN(plan.sets.emplace_back(), ResolveEdits(set, beside_clamps, field));
  }
  if (request.clamps.unclamped_clean_run) TurnClampsIntoEdits(&plan.clamps, &plan.sets);
  RETURN_IF_ERROR(PlanReport(request.report, limits, &plan));
  return plan;
}

absl::Status PlanReport(const Report& report, const EditLimits& limits, InterventionPlan* plan) {
  for (size_t i = 0; i < report.features.size(); ++i) {
    const FeaturePlace& place = report.features[i];
    const std::string field = FieldItem("report.features", i);
    RETURN_IF_ERROR(CheckFeature(place.layer, place.feature, limits.features_per_layer, field));
    RETURN_IF_ERROR(RefuseGenerated(place.positions, field + ".positions"));
    ASSIGN_OR_RETURN(const std::vector<int32_t> positions,
                     ResolvePositions(place.positions, limits.prompt, field + ".positions"));
    for (const int32_t position : positions) {
      plan->listed.push_back({place.layer, position, place.feature});
    }
  }
  ASSIGN_OR_RETURN(const std::vector<int32_t> position,
                   ResolvePositions(At(report.position), limits.prompt, "report.position"));
  plan->position = position[0];
  return absl::OkStatus();
}

absl::Status CheckRequest(const InterventionRequest& request, int32_t n_layers, int32_t vocab_size,
                          int32_t max_positions) {
  const auto n_sets = std::ssize(request.edit_sets);
  if (n_sets < 1 || n_sets > kMaxEditSets) {
    return InvalidField("edit_sets", "must have 1 to " + std::to_string(kMaxEditSets) +
                                         " elements, not " + std::to_string(n_sets));
  }
  RETURN_IF_ERROR(CheckRunSettings(request.run, n_layers, max_positions));
  if (request.report.top_k < 0 || request.report.top_k > vocab_size) {
    return InvalidField("report.top_k", "must be from 0 to " + std::to_string(vocab_size) +
                                            ", not " + std::to_string(request.report.top_k));
  }
  if (request.report.limit >= 0) return absl::OkStatus();
  return InvalidField("report.limit", "must be at least 1, or 0 for all, not " +
                                          std::to_string(request.report.limit));
}

}  // namespace cajal::intervention
