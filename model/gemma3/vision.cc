#include "model/gemma3/vision.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "model/base/status.h"
#include "model/gemma3/norm.h"

namespace cajal::gemma3 {
namespace {

using checkpoint::VisionConfig;

at::Tensor Apply(const LinearWeights& w, const at::Tensor& x) {
  return at::linear(x, w.weight, w.bias);
}

at::Tensor LayerNorm(const LinearWeights& w, const at::Tensor& x, double eps) {
  return at::layer_norm(x, {x.size(-1)}, w.weight, w.bias, eps);
}

// x: [images, P, d_vision], normed. Returns out_proj's output.
at::Tensor Attention(const VisionBlockWeights& w, const VisionConfig& config, const at::Tensor& x,
                     int layer, Recording* recording) {
  const int64_t images = x.size(0);
  const int64_t patches = x.size(1);
  const int64_t heads = config.num_attention_heads;
  const int64_t head_dim = config.hidden_size / heads;
  // [heads, images, P, head_dim]
  const auto split_heads = [&](const at::Tensor& projected) {
    return projected.view({images, patches, heads, head_dim}).permute({2, 0, 1, 3});
  };
  const at::Tensor q = split_heads(Apply(w.q_proj, x));
  const at::Tensor k = split_heads(Apply(w.k_proj, x));
  const at::Tensor v = split_heads(Apply(w.v_proj, x));
  const double scale = std::pow(static_cast<double>(head_dim), -0.5);

  std::vector<at::Tensor> outputs, patterns;
  for (int64_t head = 0; head < heads; ++head) {
    const at::Tensor scores = at::matmul(q[head], k[head].transpose(1, 2)) * scale;
    const at::Tensor pattern = at::softmax(scores, -1, at::kFloat).to(x.scalar_type());
    outputs.push_back(at::matmul(pattern, v[head]));
    if (recording->Wants(HookSite::kVisionPattern, layer)) patterns.push_back(pattern);
  }
  if (!patterns.empty()) {
    recording->Put(HookSite::kVisionPattern, layer, at::stack(patterns, 1));
  }
  return Apply(w.out_proj, at::cat(outputs, -1));
}

}  // namespace

absl::StatusOr<at::Tensor> RunVisionTower(const VisionWeights& weights, const VisionConfig& config,
                                          const at::Tensor& pixels, Recording* recording,
                                          RunContext* context) {
  context->BeginPhase("vision", config.num_hidden_layers);
  const LinearWeights& patch = weights.patch_embedding;
  const at::Tensor embedded =
      at::conv2d(pixels, patch.weight, patch.bias, {config.patch_size, config.patch_size});
  at::Tensor x = embedded.flatten(2).transpose(1, 2) + weights.position_embedding;
  for (int layer = 0; layer < static_cast<int>(weights.blocks.size()); ++layer) {
    RETURN_IF_ERROR(context->CheckStop());
    const VisionBlockWeights& w = weights.blocks[static_cast<size_t>(layer)];
    const double eps = config.layer_norm_eps;
    x = x + Attention(w, config, LayerNorm(w.layer_norm1, x, eps), layer, recording);
    const at::Tensor hidden = at::gelu(Apply(w.fc1, LayerNorm(w.layer_norm2, x, eps)), "tanh");
    x = x + Apply(w.fc2, hidden);
    recording->Put(HookSite::kVisionResidPost, layer, x);
    context->Advance(layer + 1);
  }
  x = LayerNorm(weights.post_layernorm, x, config.layer_norm_eps);
  recording->Put(HookSite::kVisionOut, 0, x);
  return x;
}

at::Tensor Project(const ProjectorWeights& weights, const checkpoint::Gemma3Config& config,
                   const at::Tensor& vision_out) {
  const int64_t patches_per_side = config.vision->patches_per_side();
  const auto tokens_per_side =
      static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(config.mm_tokens_per_image))));
  const int64_t tile = patches_per_side / tokens_per_side;
  const at::Tensor grid = vision_out.transpose(1, 2).reshape(
      {vision_out.size(0), vision_out.size(2), patches_per_side, patches_per_side});
  const at::Tensor pooled = at::avg_pool2d(grid, {tile, tile}, {tile, tile});
  const at::Tensor tokens = pooled.flatten(2).transpose(1, 2);
  return at::matmul(RmsNorm(tokens, weights.soft_emb_gain, config.vision->layer_norm_eps),
                    weights.projection);
}

}  // namespace cajal::gemma3
