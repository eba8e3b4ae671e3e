// Whether transcoders have a feature. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace cajal::intervention {

// INVALID_ARGUMENT names `field`.layer or `field`.feature and the permitted range.
absl::Status CheckFeature(int32_t layer, int32_t feature,
                          const std::vector<int64_t>& features_per_layer, const std::string& field);

}  // namespace cajal::intervention
