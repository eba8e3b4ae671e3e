#include "model/intervention/feature_check.h"

#include "model/base/status.h"

namespace cajal::intervention {

absl::Status CheckFeature(int32_t layer, int32_t feature,
                          const std::vector<int64_t>& features_per_layer,
                          const std::string& field) {
  const auto upto = [](int64_t last) { return "must be from 0 to " + std::to_string(last); };
  const int64_t last_layer = std::ssize(features_per_layer) - 1;
  if (layer < 0 || layer > last_layer) {
    return InvalidField(field + ".layer", upto(last_layer) + ", not " + std::to_string(layer));
  }
  const int64_t last = features_per_layer[static_cast<size_t>(layer)] - 1;
  if (feature >= 0 && feature <= last) return absl::OkStatus();
  return InvalidField(field + ".feature", upto(last) + " in layer " + std::to_string(layer) +
                                              ", not " + std::to_string(feature));
}

}  // namespace cajal::intervention
