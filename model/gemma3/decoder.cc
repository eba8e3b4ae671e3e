#include "model/gemma3/decoder.h"

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "model/base/status.h"
#include "model/gemma3/attention_pattern.h"
#include "model/gemma3/norm.h"
#include "model/gemma3/rope.h"

namespace cajal::gemma3 {
namespace {

using checkpoint::LayerType;
using checkpoint::TextConfig;

// x: [T, d], normed. Returns o_proj's output, [T, d].
at::Tensor Attention(const AttentionWeights& w, const TextConfig& config,
                     const AttentionLayout& layout, const RopeTable& rope, const at::Tensor& x,
                     int layer, Recording* recording) {
  const int64_t T = x.size(0);
  // [heads, T, head_dim]
  const auto split_heads = [&](const at::Tensor& projected) {
    return projected.view({T, -1, config.head_dim}).transpose(0, 1);
  };
  const double eps = config.rms_norm_eps;
  const at::Tensor q =
      ApplyRope(RmsNorm(split_heads(at::linear(x, w.q_proj)), w.q_gain, eps), rope);
  recording->Put(HookSite::kAttnQuery, layer, q);
  const at::Tensor k =
      ApplyRope(RmsNorm(split_heads(at::linear(x, w.k_proj)), w.k_gain, eps), rope);
  recording->Put(HookSite::kAttnKey, layer, k);
  const at::Tensor v =
      split_heads(at::linear(x, w.v_proj)).repeat_interleave(q.size(0) / k.size(0), 0);

  const AttentionPattern pattern(config, layout, config.layer_types[static_cast<size_t>(layer)], q,
                                 k);
  at::Tensor whole;  // [heads, T, T], zero where no key is reached
  if (recording->Wants(HookSite::kAttnPattern, layer)) {
    whole = at::zeros({q.size(0), T, T}, q.options());
  }
  std::vector<at::Tensor> z;  // [heads, queries, head_dim] of each tile
  for (const AttentionLayout::Run& tile : AttentionPattern::Tiles({0, T})) {
    const AttentionLayout::Run keys = pattern.Keys(tile);
    const at::Tensor rows = pattern.Rows(tile);
    if (whole.defined()) {
      whole.slice(1, tile.begin, tile.end).slice(2, keys.begin, keys.end).copy_(rows);
    }
    z.push_back(at::matmul(rows, v.slice(1, keys.begin, keys.end)));
  }
  recording->Put(HookSite::kAttnPattern, layer, whole);
  return at::linear(at::cat(z, 1).transpose(0, 1).reshape({T, -1}), w.o_proj);
}

at::Tensor Mlp(const MlpWeights& w, const at::Tensor& x) {
  const at::Tensor gate = at::gelu(at::linear(x, w.gate_proj), "tanh");
  return at::linear(gate * at::linear(x, w.up_proj), w.down_proj);
}

}  // namespace

absl::StatusOr<at::Tensor> RunDecoder(const DecoderWeights& weights, const TextConfig& config,
                                      const AttentionLayout& layout, at::Tensor residual,
                                      Recording* recording, RunContext* context) {
  const Placement placement{residual.device(), residual.scalar_type()};
  const int64_t T = layout.n_positions();
  const RopeTable rope_sliding = MakeRopeTable(config.rope_sliding, T, config.head_dim, placement);
  const RopeTable rope_full = MakeRopeTable(config.rope_full, T, config.head_dim, placement);
  const double eps = config.rms_norm_eps;
  const int n_layers = static_cast<int>(weights.blocks.size());
  context->BeginPhase("forward", n_layers);
  for (int layer = 0; layer < n_layers; ++layer) {
    RETURN_IF_ERROR(context->CheckStop());
    const BlockWeights& w = weights.blocks[static_cast<size_t>(layer)];
    const bool is_full = config.layer_types[static_cast<size_t>(layer)] == LayerType::kFull;
    recording->Put(HookSite::kResidPre, layer, residual);

    const at::Tensor attn_in = RmsNorm(residual, w.input_gain, eps);
    recording->Put(HookSite::kAttnIn, layer, attn_in);
    const at::Tensor attn_raw = Attention(
        w.attn, config, layout, is_full ? rope_full : rope_sliding, attn_in, layer, recording);
    recording->Put(HookSite::kAttnOutRaw, layer, attn_raw);
    const at::Tensor attn_out = RmsNorm(attn_raw, w.post_attn_gain, eps);
    recording->Put(HookSite::kAttnOut, layer, attn_out);
    const at::Tensor mid = residual + attn_out;
    recording->Put(HookSite::kResidMid, layer, mid);

    const at::Tensor mlp_in = RmsNorm(mid, w.pre_mlp_gain, eps);
    recording->Put(HookSite::kMlpIn, layer, mlp_in);
    const at::Tensor mlp_raw = Mlp(w.mlp, mlp_in);
    recording->Put(HookSite::kMlpOutRaw, layer, mlp_raw);
    const at::Tensor mlp_out = RmsNorm(mlp_raw, w.post_mlp_gain, eps);
    recording->Put(HookSite::kMlpOut, layer, mlp_out);
    residual = mid + mlp_out;
    recording->Put(HookSite::kResidPost, layer, residual);
    context->Advance(layer + 1);
  }
  at::Tensor normed = RmsNorm(residual, weights.final_gain, eps);
  recording->Put(HookSite::kFinalNorm, 0, normed);
  return normed;
}

at::Tensor Logits(const DecoderWeights& weights, const TextConfig& config,
                  const at::Tensor& normed) {
  const at::Tensor logits = at::linear(normed, weights.unembedding).to(at::kFloat);
  const std::optional<double>& cap = config.final_logit_softcapping;
  return cap.has_value() ? at::tanh(logits / *cap) * *cap : logits;
}

}  // namespace cajal::gemma3
