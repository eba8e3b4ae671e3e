// Recognises the format of a transcoder set from its files, and reads it.
//
// | what is in the folder | format |
// |---|---|
// | config.yaml with `top_k`, layer_{i}.safetensors | the paper's per-layer |
// | config.yaml, layer_{i}.safetensors, or a list `transcoders` of such files | circuit-tracer's
// per-layer | | config.yaml with `cross_layer_transcoder`, W_enc_{i}.safetensors,
// W_dec_{i}.safetensors | circuit-tracer's cross-layer | | config.yaml, files with the tensor w_enc
// | Gemma Scope 2, per-layer or cross-layer | | layer_{i}_width_* folders, or
// params_layer_{i}.safetensors, without config.yaml | Gemma Scope 2 as published | | layers.{i}.mlp
// folders with cfg.json | EleutherAI's sparsify or clt-training |
//
// native_format.h, gemma_scope_2_format.h and sparsify_format.h say what the tensors mean.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "model/transcoder/stored_set.h"

namespace cajal::transcoder {

// INVALID_ARGUMENT or NOT_FOUND names the file and the key or tensor. An encoder that holds only
// zeros is refused: such files were published, and would trace silently to nothing.
absl::StatusOr<StoredSet> ReadStoredSet(const std::string& dir);

}  // namespace cajal::transcoder
