#include "model/intervention/clamp_check.h"

#include <cmath>
#include <map>
#include <set>

#include "model/base/status.h"
#include "model/intervention/feature_check.h"

namespace cajal::intervention {
namespace {

std::string Upto(int64_t most) { return "1 to " + std::to_string(most); }

absl::Status CheckClamp(const Clamp& clamp, const std::string& field) {
  const auto n_bytes = std::ssize(clamp.name);
  if (n_bytes < 1 || n_bytes > kMaxClampNameBytes) {
    return InvalidField(field, "must have a name of " + Upto(kMaxClampNameBytes) + " bytes, not " +
                                   std::to_string(n_bytes));
  }
  const std::string what = "clamp '" + clamp.name + "' ";
  const auto n_features = std::ssize(clamp.features);
  if (n_features < 1 || n_features > kMaxFeaturesOfClamp) {
    return InvalidField(field, what + "must have " + Upto(kMaxFeaturesOfClamp) + " features, not " +
                                   std::to_string(n_features));
  }
  const auto& [kind, value] = clamp.operation;
  if (kind == OperationKind::kScale || kind == OperationKind::kAdd) {
    return InvalidField(field, what + "must hold its features at, at most or at least at a value");
  }
  if (!std::isfinite(value)) {
    return InvalidField(field, what + "must hold a finite number, not " + std::to_string(value));
  }
  if (!clamp.places.text && !clamp.places.image && !clamp.places.generated) {
    return InvalidField(field, what + "must hold somewhere: text, image or generated");
  }
  return absl::OkStatus();
}

bool Overlap(const ClampPlaces& a, const ClampPlaces& b) {
  return (a.text && b.text) || (a.image && b.image) || (a.generated && b.generated);
}

}  // namespace

absl::Status CheckClamps(const std::vector<Clamp>& clamps, const std::string& field) {
  if (std::ssize(clamps) > kMaxClamps) {
    return InvalidField(field, "a session may have at most " + std::to_string(kMaxClamps) +
                                   " clamps, not " + std::to_string(clamps.size()));
  }
  std::set<std::string> names;
  std::multimap<ClampedFeature, const Clamp*> holders;
  for (const Clamp& clamp : clamps) {
    RETURN_IF_ERROR(CheckClamp(clamp, field));
    if (!names.insert(clamp.name).second) {
      return InvalidField(field, "names clamp '" + clamp.name + "' twice");
    }
    for (const ClampedFeature& feature : clamp.features) {
      const auto [begin, end] = holders.equal_range(feature);
      for (auto other = begin; other != end; ++other) {
        if (!Overlap(clamp.places, other->second->places)) continue;
        const std::string what = "feature " + std::to_string(feature.feature) + " of layer " +
                                 std::to_string(feature.layer);
        return InvalidField(
            field, "CONFLICTING_CLAMPS",
            "clamp '" + clamp.name + "' names " + what +
                (other->second == &clamp ? " twice"
                                         : ", as clamp '" + other->second->name + "' does"));
      }
      holders.emplace(feature, &clamp);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFeatures(const std::vector<Clamp>& clamps,
                           const std::vector<int64_t>& features_per_layer,
                           const std::string& field) {
  for (size_t i = 0; i < clamps.size(); ++i) {
    for (size_t j = 0; j < clamps[i].features.size(); ++j) {
      const ClampedFeature& feature = clamps[i].features[j];
      RETURN_IF_ERROR(CheckFeature(feature.layer, feature.feature, features_per_layer,
                                   FieldItem(FieldItem(field, i) + ".features", j)));
    }
  }
  return absl::OkStatus();
}

}  // namespace cajal::intervention
