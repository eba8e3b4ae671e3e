// circuit-tracer's own layouts, and the paper's, which is the per-layer one with other words in
// config.yaml.
//
//   per-layer    layer_{i}.safetensors: W_enc [n, d], b_enc [n], W_dec [n, d], b_dec [d], optional
//                W_skip [d, d] (used as x @ W_skip^T), optional activation_function.threshold [n]
//                (JumpReLU) or a scalar k (TopK).
//   cross-layer  W_enc_{i}.safetensors: W_enc_{i} [n, d], b_enc_{i} [n], b_dec_{i} [d], optional
//                threshold_{i} [n]; W_dec_{i}.safetensors: W_dec_{i} [n, L - i, d], whose second
//                axis counts from layer i. An optional W_skip_{i} [d, d] is used as x @ W_skip.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/transcoder/set_config.h"
#include "model/transcoder/stored_set.h"

namespace cajal::transcoder {

// files: one a layer, from layer 0.
absl::StatusOr<StoredSet> ReadNativePerLayer(const SetConfig& config,
                                             const std::vector<std::string>& files);
absl::StatusOr<StoredSet> ReadNativeCrossLayer(const SetConfig& config);

}  // namespace cajal::transcoder
