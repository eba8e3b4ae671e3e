// The parameters of a Gemma 3 model on its device, as plain structs.
//
// Made once by LoadWeights and immutable afterwards. Linear weights are [out, in], as stored.
// RMSNorm gains are kept as (1 + weight) in float32, which is how every use needs them.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/checkpoint/checkpoint.h"
#include "model/gemma3/device.h"

namespace cajal::gemma3 {

struct AttentionWeights {
  at::Tensor q_proj;  // [H * head_dim, d]
  at::Tensor k_proj;  // [K * head_dim, d]
  at::Tensor v_proj;  // [K * head_dim, d]
  at::Tensor o_proj;  // [d, H * head_dim]
  at::Tensor q_gain;  // [head_dim], float32
  at::Tensor k_gain;  // [head_dim], float32
};

struct MlpWeights {
  at::Tensor gate_proj;  // [intermediate, d]
  at::Tensor up_proj;    // [intermediate, d]
  at::Tensor down_proj;  // [d, intermediate]
};

struct BlockWeights {
  at::Tensor input_gain;  // [d], float32, as the three below
  at::Tensor post_attn_gain;
  at::Tensor pre_mlp_gain;
  at::Tensor post_mlp_gain;
  AttentionWeights attn;
  MlpWeights mlp;
};

struct DecoderWeights {
  at::Tensor embedding;    // [vocab, d]
  at::Tensor unembedding;  // [vocab, d]; the same tensor when tied
  std::vector<BlockWeights> blocks;
  at::Tensor final_gain;  // [d], float32
};

struct LinearWeights {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out]
};

struct VisionBlockWeights {
  LinearWeights layer_norm1;  // weight and bias [d_vision]
  LinearWeights layer_norm2;
  LinearWeights q_proj, k_proj, v_proj, out_proj;
  LinearWeights fc1, fc2;
};

struct VisionWeights {
  LinearWeights patch_embedding;  // weight [d_vision, 3, patch, patch]
  at::Tensor position_embedding;  // [patches, d_vision]
  std::vector<VisionBlockWeights> blocks;
  LinearWeights post_layernorm;
};

struct ProjectorWeights {
  at::Tensor soft_emb_gain;  // [d_vision], float32, (1 + weight)
  at::Tensor projection;     // [d_vision, d], used as x @ W
};

struct ModelWeights {
  Placement placement;
  DecoderWeights decoder;
  std::optional<VisionWeights> vision;
  std::optional<ProjectorWeights> projector;
};

// Reports the phase "load", one unit per block. INVALID_ARGUMENT names file and tensor.
absl::StatusOr<ModelWeights> LoadWeights(const checkpoint::Checkpoint& checkpoint,
                                         const Placement& placement, RunContext* context);

}  // namespace cajal::gemma3
