// Gemma Scope 2, as Google publishes it and as config.yaml lists it for circuit-tracer. JumpReLU.
//
//   per-layer    w_enc [d, n], b_enc [n], threshold [n], w_dec [n, d], b_dec [d], optional
//                affine_skip_connection [d, d] (used as x @ A). Published as
//                layer_{i}_width_{w}_l0_{l}[_affine]/{config.json,params.safetensors}.
//   cross-layer  params_layer_{i}.safetensors: the same with w_dec [n, targets, d]. As many targets
//                as layers: the axis counts from layer 0; as many as are left from layer i up: from
//                layer i.
//
// As published, a set reads `mlp.hook_in` and writes `hook_mlp_out`, after the post-feed-forward
// norm; config.yaml may say otherwise.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/transcoder/set_config.h"
#include "model/transcoder/stored_set.h"

namespace cajal::transcoder {

// files: one a layer, from layer 0.
absl::StatusOr<StoredSet> ReadGemmaScope2(const SetConfig& config,
                                          const std::vector<std::string>& files);

// The published folders of per-layer transcoders.
bool HasGemmaScope2Folders(const std::string& dir);
absl::StatusOr<StoredSet> ReadGemmaScope2Folders(const std::string& dir);
// The published files of cross-layer transcoders, params_layer_0.safetensors and on.
inline constexpr char kGemmaScope2CrossLayerPrefix[] = "params_layer_";
absl::StatusOr<StoredSet> ReadGemmaScope2CrossLayer(const std::string& dir);

}  // namespace cajal::transcoder
