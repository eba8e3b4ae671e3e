// Reading transcoder sets from a folder, each format recognised from its files.
//
//   The paper's and circuit-tracer's per-layer layout: config.yaml and layer_{i}.safetensors with
//     W_enc [n, d], b_enc, W_dec [n, d], b_dec, optional W_skip [d, d] (used as x @ W_skip^T),
//     optional activation_function.threshold (JumpReLU) or scalar k (TopK). `top_k` in config.yaml
//     means ReLU + TopK (the paper's files); `activation: topk` alone means circuit-tracer's TopK,
//     which keeps negative values.
//   Gemma Scope 2 per-layer: config.yaml with a `transcoders` list, or the published folders
//     layer_{i}_width_*/{config.json,params.safetensors}; w_enc [d, n], b_enc, threshold, w_dec [n,
//     d], b_dec, optional affine_skip_connection [d, d] (used as x @ A). JumpReLU; the output hook
//     is after the post-feed-forward norm.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::transcoder {

// INVALID_ARGUMENT or NOT_FOUND names the file and the key or tensor; a set made for another model
// (layer count or width) is refused with both numbers. Reports the phase "load_transcoders", one
// unit per layer.
absl::StatusOr<std::unique_ptr<TranscoderSet>> LoadTranscoderSet(const std::string& dir,
                                                                 const gemma3::Model& model,
                                                                 RunContext* context);

}  // namespace cajal::transcoder
