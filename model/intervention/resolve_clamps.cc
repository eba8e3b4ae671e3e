#include "model/intervention/resolve_clamps.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "model/base/status.h"
#include "model/intervention/clamp_check.h"

namespace cajal::intervention {
namespace {

// The prompt's positions that have features, where a clamp holds; then kGeneratedPosition if it
// holds there.
std::vector<int32_t> PositionsOf(const ClampPlaces& places, const PromptShape& prompt) {
  std::vector<bool> is_image(static_cast<size_t>(prompt.n_positions));
  for (const tokenizer::ImageSpan& span : prompt.image_spans) {
    std::fill(is_image.begin() + span.begin, is_image.begin() + span.end, true);
  }
  std::vector<int32_t> positions;
  for (int32_t p = prompt.zero_positions; p < prompt.n_positions; ++p) {
    if (is_image[static_cast<size_t>(p)] ? places.image : places.text) positions.push_back(p);
  }
  if (places.generated) positions.push_back(kGeneratedPosition);
  return positions;
}

void Merge(const std::vector<FeatureWrite>& more, std::vector<FeatureWrite>* writes) {
  writes->insert(writes->end(), more.begin(), more.end());
  std::sort(writes->begin(), writes->end(), [](const FeatureWrite& a, const FeatureWrite& b) {
    return std::tie(a.layer, a.position, a.feature) < std::tie(b.layer, b.position, b.feature);
  });
}

}  // namespace

ResolvedEdits ResolvedClamps::Writes() const {
  ResolvedEdits writes;
  for (const auto& [place, clamp] : holders) {
    const auto& [layer, position, feature] = place;
    const bool is_generated = position == kGeneratedPosition;
    (is_generated ? writes.generated_features : writes.features)
        .push_back({layer, position, feature, clamp->operation});
  }
  return writes;
}

absl::StatusOr<ResolvedClamps> ResolveClamps(const std::vector<Clamp>& clamps,
                                             const EditLimits& limits, const std::string& field) {
  RETURN_IF_ERROR(CheckClamps(clamps, field));
  RETURN_IF_ERROR(CheckFeatures(clamps, limits.features_per_layer, field));
  ResolvedClamps resolved;
  for (const Clamp& clamp : clamps) {
    const std::vector<int32_t> positions = PositionsOf(clamp.places, limits.prompt);
    for (const ClampedFeature& feature : clamp.features) {
      for (const int32_t position : positions) {
        resolved.holders.emplace(std::tuple(feature.layer, position, feature.feature), &clamp);
      }
      if (std::ssize(resolved.holders) <= kMaxEditsOfSet) continue;
      return InvalidField(field, "with clamp '" + clamp.name + "' more than " +
                                     std::to_string(kMaxEditsOfSet) +
                                     " places of this prompt are held; at most so many may be");
    }
  }
  return resolved;
}

EncodedPlaces PlacesHeld(const std::vector<Clamp>& clamps, int64_t n_positions) {
  std::map<int32_t, int64_t> features;  // of each layer
  EncodedPlaces most;
  for (const Clamp& clamp : clamps) {
    for (const ClampedFeature& feature : clamp.features) {
      const int64_t n = ++features[feature.layer];
      most = {.n_rows = n_positions, .n_features = std::max(most.n_features, n * n_positions)};
    }
  }
  return most;
}

void TurnClampsIntoEdits(ResolvedClamps* clamps, std::vector<ResolvedEdits>* sets) {
  const ResolvedEdits writes = clamps->Writes();
  for (ResolvedEdits& set : *sets) {
    Merge(writes.features, &set.features);
    Merge(writes.generated_features, &set.generated_features);
  }
  clamps->holders.clear();
}

}  // namespace cajal::intervention
