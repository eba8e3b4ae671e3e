// A vision tower in memory: random weights, or weights that make attention what a test wants.
#pragma once

#include <ATen/ATen.h>

#include "model/gemma3/model.h"
#include "tests/support/random_model.h"

namespace cajal::testing {

struct VisionShape {
  int64_t n_layers = 3;
  int64_t d_vision = 16;
  int64_t n_heads = 4;
  int64_t patches_per_side = 4;
  int64_t tokens_per_image = 4;
};

inline gemma3::LinearWeights RandomLinear(RandomTensors* random, int64_t out, int64_t in) {
  return {random->Matrix(out, in, 2), random->Vector(out, 0.1)};
}

// Gives `model` a tower and a projector to its width. Patches are 2 pixels wide.
inline void AddRandomVision(const VisionShape& shape, uint64_t seed, gemma3::Model* model) {
  RandomTensors random(seed);
  const int64_t d = shape.d_vision;
  checkpoint::VisionConfig config;
  config.hidden_size = d;
  config.intermediate_size = 2 * d;
  config.num_hidden_layers = shape.n_layers;
  config.num_attention_heads = shape.n_heads;
  config.patch_size = 2;
  config.image_size = 2 * shape.patches_per_side;
  model->config.vision = config;
  model->config.mm_tokens_per_image = shape.tokens_per_image;
  const auto norm = [&] {
    return gemma3::LinearWeights{random.Vector(d, 0.3) + 1, random.Vector(d, 0.1)};
  };
  gemma3::VisionWeights vision;
  vision.patch_embedding = {random.Matrix(d, 12).view({d, 3, 2, 2}), random.Vector(d, 0.1)};
  vision.position_embedding = random.Matrix(shape.patches_per_side * shape.patches_per_side, d, 2);
  for (int64_t layer = 0; layer < shape.n_layers; ++layer) {
    vision.blocks.push_back({.layer_norm1 = norm(),
                             .layer_norm2 = norm(),
                             .q_proj = RandomLinear(&random, d, d),
                             .k_proj = RandomLinear(&random, d, d),
                             .v_proj = RandomLinear(&random, d, d),
                             .out_proj = RandomLinear(&random, d, d),
                             .fc1 = RandomLinear(&random, 2 * d, d),
                             .fc2 = RandomLinear(&random, d, 2 * d)});
  }
  vision.post_layernorm = norm();
  model->weights.vision = std::move(vision);
  const int64_t d_model = model->config.text.hidden_size;
  model->weights.projector = {.soft_emb_gain = random.Vector(d, 0.3) + 1,
                              .projection = random.Matrix(d, d_model)};
}

// A block whose heads attend as `logits` say, whatever their own width: [heads, P, P] with P times
// heads the tower's width, before the softmax. Its input must be PatchIndicators.
//   LayerNorm of an indicator is affine in it; the norm's weights undo that.
inline gemma3::VisionBlockWeights BlockAttendingAs(const at::Tensor& logits) {
  const int64_t heads = logits.size(0);
  const int64_t P = logits.size(1);
  const int64_t d = heads * P;
  const double mean = 1.0 / static_cast<double>(d);
  const double deviation = std::sqrt(mean - mean * mean + 1e-6);
  gemma3::VisionBlockWeights block;
  block.layer_norm1 = {at::full({d}, deviation), at::full({d}, mean)};
  // A head's query is the row of its logits, its key the patch's indicator.
  at::Tensor q = at::zeros({d, d});
  at::Tensor k = at::zeros({d, d});
  for (int64_t head = 0; head < heads; ++head) {
    q.slice(0, head * P, (head + 1) * P)
        .slice(1, 0, P)
        .copy_(logits[head].t() * std::sqrt(static_cast<double>(P)));
    k.slice(0, head * P, (head + 1) * P).slice(1, 0, P).copy_(at::eye(P));
  }
  block.q_proj = {q, at::zeros({d})};
  block.k_proj = {k, at::zeros({d})};
  return block;
}

// [P, heads * P]: each patch's own number is 1.
inline at::Tensor PatchIndicators(int64_t heads, int64_t P) {
  at::Tensor hidden = at::zeros({P, heads * P});
  hidden.slice(1, 0, P).copy_(at::eye(P));
  return hidden;
}

}  // namespace cajal::testing
