// Whether the model and the prompt have what the caller's targets name.
//
// Pure functions; any thread. Errors are INVALID_ARGUMENT with the field below "targets[i]".
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/graph/target.h"
#include "model/tokenizer/tokenizer.h"

namespace cajal::attribution {

// What targets are checked against.
struct TargetLimits {
  int64_t d_model = 0;
  std::vector<int64_t> features_per_layer;
};

// Everything that needs no prompt: texts are one token each, sums and directions are finite and not
// zero, features exist, weights are above 0. Returns for each target the ids of its tokens, in its
// order.
absl::StatusOr<std::vector<std::vector<int64_t>>> CheckTargets(
    const std::vector<graph::Target>& targets, const TargetLimits& limits,
    const tokenizer::Tokenizer& tokenizer);

// Positions lie in the prompt, and nothing is named twice at one.
absl::Status CheckTargetPositions(const std::vector<graph::Target>& targets, int64_t n_positions);

}  // namespace cajal::attribution
