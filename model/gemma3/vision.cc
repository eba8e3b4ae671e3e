#include "model/gemma3/vision.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "model/base/status.h"
#include "model/gemma3/norm.h"
#include "model/gemma3/vision_attention.h"

namespace cajal::gemma3 {
namespace {

using checkpoint::VisionConfig;

at::Tensor Apply(const LinearWeights& w, const at::Tensor& x) {
  return at::linear(x, w.weight, w.bias);
}

at::Tensor LayerNorm(const LinearWeights& w, const at::Tensor& x, double eps) {
  return at::layer_norm(x, {x.size(-1)}, w.weight, w.bias, eps);
}

// x: [images, P, d_vision], the residual that enters the block. Returns out_proj's output.
at::Tensor Attention(const VisionBlockWeights& w, const VisionConfig& config, const at::Tensor& x,
                     int layer, Recording* recording) {
  const VisionAttention attention(w, config, x);
  const bool wants_pattern = recording->Wants(HookSite::kVisionPattern, layer);
  // [images, P, heads, head_dim]
  const at::Tensor values =
      Apply(w.v_proj, attention.normed())
          .view({x.size(0), x.size(1), attention.n_heads(), x.size(2) / attention.n_heads()});
  at::Tensor outputs = at::empty_like(values);
  std::vector<at::Tensor> patterns;
  for (int64_t head = 0; head < attention.n_heads(); ++head) {
    std::vector<at::Tensor> tiles;
    for (const VisionAttention::Run& tile : attention.Tiles()) {
      const at::Tensor rows = attention.Rows(head, tile).to(x.scalar_type());
      outputs.select(2, head)
          .slice(1, tile.begin, tile.end)
          .copy_(at::matmul(rows, values.select(2, head)));
      if (wants_pattern) tiles.push_back(rows);
    }
    if (wants_pattern) patterns.push_back(at::cat(tiles, 1));
  }
  if (wants_pattern) {
    recording->Put(HookSite::kVisionPattern, layer, at::stack(patterns, 1));
  }
  return Apply(w.out_proj, outputs.flatten(2));
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
    recording->Put(HookSite::kVisionResidPre, layer, x);
    x = x + Attention(w, config, x, layer, recording);
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
