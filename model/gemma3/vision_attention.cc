#include "model/gemma3/vision_attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace cajal::gemma3 {

VisionAttention::VisionAttention(const VisionBlockWeights& weights,
                                 const checkpoint::VisionConfig& config, const at::Tensor& hidden) {
  const int64_t heads = config.num_attention_heads;
  const int64_t head_dim = config.hidden_size / heads;
  scale_ = std::pow(static_cast<double>(head_dim), -0.5);
  const LinearWeights& norm = weights.layer_norm1;
  normed_ =
      at::layer_norm(hidden, {hidden.size(-1)}, norm.weight, norm.bias, config.layer_norm_eps);
  const auto split_heads = [&](const LinearWeights& w) {
    return at::linear(normed_, w.weight, w.bias)
        .view({hidden.size(0), hidden.size(1), heads, head_dim})
        .permute({2, 0, 1, 3});
  };
  query_ = split_heads(weights.q_proj);
  key_ = split_heads(weights.k_proj).transpose(2, 3);
}

at::Tensor VisionAttention::Rows(int64_t head, Run patches) const {
  const at::Tensor q = query_[head].slice(1, patches.begin, patches.end);
  return at::softmax(at::matmul(q, key_[head]).mul_(scale_), -1, at::kFloat);
}

std::vector<VisionAttention::Run> VisionAttention::Tiles() const {
  std::vector<Run> tiles;
  for (int64_t begin = 0; begin < n_patches(); begin += kTile) {
    tiles.push_back({begin, std::min(begin + kTile, n_patches())});
  }
  return tiles;
}

}  // namespace cajal::gemma3
