// EleutherAI's sparsify, and clt-training, which grew out of it: one folder a hook point, named
// `layers.{i}.mlp` with whatever prefix, holding cfg.json and sae.safetensors.
//
//   encoder.weight [n, d], encoder.bias [n], W_dec [n, d], b_dec [d], W_skip [d, d] (x @ W_skip^T)
//
// ReLU, then `activation`: topk, groupmax or batchtopk. The MLP module's input and output are what
// is hooked. clt-training adds, where x is scaled by sqrt(d) / in_norm, what layer l gives layer
// t = l + j (the formula of its CrossLayerRunner):
//
//   acts_j = (acts + post_encs.j where acts > 0) * post_enc_scales.j
//   y_t = out_norm_t / sqrt(d) * (sum over l of (acts_j W_decs.j + b_decs.j) + x_t W_skips.0^T)
//
// with the terms of layers below t divided by their number where `divide_cross_layer` says so. What
// its other ways of tying and merging layers mean is not known to Cajal; they are refused.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "model/transcoder/stored_set.h"

namespace cajal::transcoder {

// Whether a folder below `dir` has a cfg.json.
bool HasSparsifyFolders(const std::string& dir);
absl::StatusOr<StoredSet> ReadSparsify(const std::string& dir);

}  // namespace cajal::transcoder
