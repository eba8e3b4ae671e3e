// What a transcoder set puts in the place of an MLP output.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "model/transcoder/transcoder_set.h"

namespace cajal::transcoder {

// What the features of one layer write to another, or to their own.
struct Writing {
  int layer = 0;       // of the features
  at::Tensor vectors;  // [n, d], activation times decoder row, in the order of the features
};

// Of T positions. All float32.
struct Reconstruction {
  std::vector<Writing> writings;  // ascending layers; the last is the written layer's own
  at::Tensor skip;                // [T, d], x @ skip; zeros when the layer has none
  at::Tensor output;              // [T, d], skip + decoder bias + the positions' feature vectors
};

// x: [T, d], float32, what the features of layer `written` were encoded from. active: what Encode
// gave for it. below: what it gave for layers 0 to written - 1; may be empty for sets that write to
// their own layer only.
Reconstruction Reconstruct(const TranscoderSet& transcoders, int written, const at::Tensor& x,
                           const ActiveFeatures& active,
                           std::span<const ActiveFeatures> below = {});

}  // namespace cajal::transcoder
