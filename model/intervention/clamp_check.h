// Whether clamps can hold together. Pure functions; any thread. Errors are INVALID_ARGUMENT and
// name the field and the clamp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/intervention/clamp.h"

namespace cajal::intervention {

inline constexpr int32_t kMaxClamps = 64;
inline constexpr int32_t kMaxFeaturesOfClamp = 1000;
inline constexpr int32_t kMaxClampNameBytes = 100;

// What needs no model: counts, names, of which there are no two alike; features, each once; an
// operation that holds a finite value; places. CONFLICTING_CLAMPS when two name one feature at one
// kind of tokens. `field` names the list.
absl::Status CheckClamps(const std::vector<Clamp>& clamps, const std::string& field);

// That the transcoders have the features.
absl::Status CheckFeatures(const std::vector<Clamp>& clamps,
                           const std::vector<int64_t>& features_per_layer,
                           const std::string& field);

}  // namespace cajal::intervention
