#include "model/generation/edit_plan.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "model/base/status.h"

namespace cajal::generation {
namespace {

using intervention::FeatureWrite;
using intervention::ResolvedEdits;

// writes: ascending (layer, position, feature). Adds to `rows` the positions of each layer.
void CountRows(const std::vector<FeatureWrite>& writes, std::map<int32_t, int64_t>* rows) {
  for (size_t i = 0; i < writes.size(); ++i) {
    const bool is_new = i == 0 || writes[i].layer != writes[i - 1].layer ||
                        writes[i].position != writes[i - 1].position;
    if (is_new) ++(*rows)[writes[i].layer];
  }
}

int64_t Largest(const std::map<int32_t, int64_t>& rows) {
  int64_t largest = 0;
  for (const auto& [layer, n] : rows) largest = std::max(largest, n);
  return largest;
}

}  // namespace

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
  std::map<int32_t, int64_t> of_prompt;
  std::map<int32_t, int64_t> of_new_tokens;
  for (size_t i = 0; i < request.edit_sets.size(); ++i) {
    const std::string field = "edit_sets[" + std::to_string(i) + "]";
    ASSIGN_OR_RETURN(ResolvedEdits edits,
                     intervention::ResolveEdits(request.edit_sets[i], limits, field));
    plan.changes_prompt = plan.changes_prompt || !edits.features.empty() || !edits.hooks.empty();
    CountRows(edits.features, &of_prompt);
    CountRows(edits.generated_features, &of_new_tokens);
    plan.sets.push_back(std::move(edits));
  }
  plan.n_encoded_rows = std::max(Largest(of_prompt), request.samples * Largest(of_new_tokens));
  return plan;
}

}  // namespace cajal::generation
