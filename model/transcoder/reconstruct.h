// What a transcoder puts in the place of an MLP output.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/transcoder/transcoder_set.h"

namespace cajal::transcoder {

// Of T positions with n active features. All float32.
struct Reconstruction {
  at::Tensor feature_vectors;  // [n, d], activation times decoder row, in the order of the features
  at::Tensor skip;             // [T, d], x @ skip; zeros when the layer has none
  at::Tensor output;           // [T, d], skip + decoder bias + the positions' feature vectors
};

// x: [T, d], float32, what the features were encoded from. active: what Encode gave for it. Sets
// that write to other layers than their own are not reconstructed.
Reconstruction Reconstruct(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                           const ActiveFeatures& active);

}  // namespace cajal::transcoder
