// From patches to image tokens, and to means of their maps.
//
// Pure functions; the executor's thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "model/rollout/rollout_request.h"

namespace cajal::rollout {

// matrix: [P, P]. Rows of the square of patches that each image token stands for become one, by max
// or mean; the projector averages the same squares. Returns [tokens_per_side^2, P], tokens
// row-major.
at::Tensor PoolRows(const at::Tensor& matrix, int64_t tokens_per_side, Pooling pooling);

// maps: [tokens, P]. weights: [tokens], >= 0, not all 0. Returns [P]: sum w map / sum w, summed in
// float64.
at::Tensor WeightedMean(const at::Tensor& maps, std::span<const double> weights);

}  // namespace cajal::rollout
