// The trained tensors of one layer's transcoder, and their initial values.
//
//   y_hat = TopK(ReLU(x @ W_enc^T + b_enc)) @ W_dec + b_dec (+ x @ W_skip^T)
//
// Names, shapes and orientation are those of the paper's files (layer_N.safetensors), so parameters
// are exported as they are.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/training/training_settings.h"

namespace cajal::training {

// All float32, contiguous, on one device. Copies share the tensors, as torch's do.
struct TranscoderParameters {
  at::Tensor W_enc;   // [n_features, d_in]
  at::Tensor b_enc;   // [n_features]
  at::Tensor W_dec;   // [n_features, d_out]
  at::Tensor b_dec;   // [d_out]
  at::Tensor W_skip;  // [d_out, d_in], or undefined when there is no skip connection

  // The defined tensors under their names, always in this order.
  [[nodiscard]] std::vector<std::pair<std::string, at::Tensor>> Named() const;
  // Zeros of the same shapes.
  [[nodiscard]] TranscoderParameters ZerosLike() const;
};

// W_enc Kaiming-uniform with a = sqrt(5), that is uniform in ±1 / sqrt(d_in); W_dec as
// settings.decoder_start says; the rest zero, until the first batch sets the biases. The random
// numbers come from (settings.seed, layer) alone and are the same on every device.
TranscoderParameters InitialParameters(const TrainingSettings& settings, int64_t d_in,
                                       int64_t d_out, int layer, const at::Device& device);

}  // namespace cajal::training
