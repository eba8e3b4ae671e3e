#include "model/generation/edited_passes.h"

#include <algorithm>
#include <utility>

#include "model/intervention/edit_hook.h"

namespace cajal::generation {

using intervention::PassWrites;

std::unique_ptr<gemma3::DecoderHook> EditedPasses::HookFor(int64_t begin, int64_t end,
                                                           std::span<const int32_t> sets) {
  const auto first = static_cast<int32_t>(begin);
  const auto last = static_cast<int32_t>(end);
  const auto writes_of = [&](const intervention::ResolvedEdits& edits) {
    return intervention::WritesOfPass(edits, first, last, generation_.n_prompt);
  };
  const std::vector<intervention::FeatureWrite> clamps = writes_of(clamps_).features;
  std::vector<PassWrites> rows;
  bool writes = !clamps.empty();
  for (const int32_t set : sets) {
    PassWrites& row = rows.emplace_back();
    if (set > 0) row = writes_of(generation_.plan.sets[static_cast<size_t>(set) - 1]);
    row.clamps = clamps;
    writes = writes || !row.features.empty() || !row.hooks.empty();
  }
  if (!writes) return nullptr;
  intervention::RunSettings settings = generation_.settings;
  const int32_t zero_positions =
      settings.zero_positions.value_or(generation_.transcoders.info().default_zero_positions);
  settings.zero_positions = std::max(zero_positions - first, 0);
  return std::make_unique<intervention::EditHook>(
      intervention::EditedPass{.model = generation_.model,
                               .transcoders = generation_.transcoders,
                               .donor = &generation_.donor},
      settings, std::move(rows), end - begin);
}

}  // namespace cajal::generation
