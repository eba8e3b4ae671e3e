#include "model/gemma3/decoder.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <optional>

#include "model/base/status.h"
#include "model/gemma3/norm.h"
#include "model/gemma3/rope.h"

namespace cajal::gemma3 {
namespace {

using checkpoint::LayerType;
using checkpoint::TextConfig;

// What differs between sliding and full layers, made once per pass.
struct LayerTypeContext {
  RopeTable rope;
  at::Tensor forbidden;  // [T, T] bool
};

LayerTypeContext MakeLayerTypeContext(LayerType type, const TextConfig& config,
                                      const AttentionLayout& layout, const Placement& placement) {
  const auto& rope = type == LayerType::kFull ? config.rope_full : config.rope_sliding;
  return {MakeRopeTable(rope, layout.n_positions(), config.head_dim, placement),
          layout.AllowedMask(type).logical_not().to(placement.device)};
}

at::Tensor ApplySoftCap(const at::Tensor& x, const std::optional<double>& cap) {
  return cap.has_value() ? at::tanh(x / *cap) * *cap : x;
}

// x: [T, d], normed. Returns o_proj's output, [T, d].
at::Tensor Attention(const AttentionWeights& w, const TextConfig& config,
                     const LayerTypeContext& type, const at::Tensor& x, int layer,
                     Recording* recording) {
  const int64_t T = x.size(0);
  const int64_t head_dim = config.head_dim;
  // [heads, T, head_dim]
  const auto split_heads = [&](const at::Tensor& projected) {
    return projected.view({T, -1, head_dim}).transpose(0, 1);
  };
  const double eps = config.rms_norm_eps;
  const at::Tensor q =
      ApplyRope(RmsNorm(split_heads(at::linear(x, w.q_proj)), w.q_gain, eps), type.rope);
  const at::Tensor k =
      ApplyRope(RmsNorm(split_heads(at::linear(x, w.k_proj)), w.k_gain, eps), type.rope);
  const at::Tensor v = split_heads(at::linear(x, w.v_proj));

  // Each kv head serves H / K consecutive query heads.
  const int64_t group = config.num_attention_heads / config.num_key_value_heads;
  const double scale = std::pow(config.query_pre_attn_scalar, -0.5);
  at::Tensor scores = at::matmul(q, k.repeat_interleave(group, 0).transpose(1, 2)) * scale;
  scores = ApplySoftCap(scores, config.attn_logit_softcapping);
  scores.masked_fill_(type.forbidden, -std::numeric_limits<float>::infinity());
  const at::Tensor pattern = at::softmax(scores, -1, at::kFloat).to(x.scalar_type());
  recording->Put(HookSite::kAttnPattern, layer, pattern);

  const at::Tensor z = at::matmul(pattern, v.repeat_interleave(group, 0));  // [H, T, head_dim]
  return at::linear(z.transpose(0, 1).reshape({T, -1}), w.o_proj);
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
  const LayerTypeContext sliding =
      MakeLayerTypeContext(LayerType::kSliding, config, layout, placement);
  const LayerTypeContext full = MakeLayerTypeContext(LayerType::kFull, config, layout, placement);
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
    const at::Tensor attn_raw =
        Attention(w.attn, config, is_full ? full : sliding, attn_in, layer, recording);
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
  return ApplySoftCap(logits, config.final_logit_softcapping);
}

}  // namespace cajal::gemma3
