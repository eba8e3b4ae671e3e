#include "model/gemma3/decoder.h"

#include <ATen/ATen.h>

#include <optional>
#include <utility>
#include <vector>

#include "model/base/check.h"
#include "model/base/status.h"
#include "model/gemma3/attention_pattern.h"
#include "model/gemma3/norm.h"
#include "model/gemma3/rope.h"

namespace cajal::gemma3 {
namespace {

using checkpoint::LayerType;
using checkpoint::TextConfig;

// The pass as its steps see it: every tensor goes through At.
struct Steps {
  const DecoderPass& pass;

  [[nodiscard]] at::Tensor At(HookSite site, int layer, at::Tensor tensor) const {
    if (pass.hook != nullptr) tensor = pass.hook->At(site, layer, std::move(tensor));
    if (pass.recording != nullptr) pass.recording->Put(site, layer, tensor);
    return tensor;
  }
  [[nodiscard]] bool RecordsPattern(int layer) const {
    return pass.recording != nullptr && pass.recording->Wants(HookSite::kAttnPattern, layer);
  }
};

// x: [..., T, d], normed, for the positions from `begin` on. Returns o_proj's output, [..., T, d].
at::Tensor Attention(const AttentionWeights& w, const TextConfig& config,
                     const AttentionLayout& layout, const RopeTable& rope, const at::Tensor& x,
                     int layer, int64_t begin, const Steps& steps) {
  const int64_t end = begin + x.size(-2);
  // [..., heads, T, head_dim]
  const auto split_heads = [&](const at::Tensor& projected) {
    return projected.unflatten(-1, {-1, config.head_dim}).transpose(-3, -2);
  };
  const double eps = config.rms_norm_eps;
  const at::Tensor q =
      steps.At(HookSite::kAttnQuery, layer,
               ApplyRope(RmsNorm(split_heads(at::linear(x, w.q_proj)), w.q_gain, eps), rope));
  at::Tensor k =
      steps.At(HookSite::kAttnKey, layer,
               ApplyRope(RmsNorm(split_heads(at::linear(x, w.k_proj)), w.k_gain, eps), rope));
  at::Tensor v = split_heads(at::linear(x, w.v_proj));
  int64_t first_key = begin;
  if (steps.pass.cache != nullptr) {
    KeyValueCache::Reach reach = steps.pass.cache->Append(layer, k, v);
    k = std::move(reach.keys);
    v = std::move(reach.values);
    first_key = reach.first;
  }
  v = v.repeat_interleave(q.size(-3) / k.size(-3), -3);

  const AttentionPattern pattern(config, layout, config.layer_types[static_cast<size_t>(layer)], q,
                                 k, begin, first_key);
  at::Tensor whole;  // [..., heads, T, end], zero where no key is reached
  if (steps.RecordsPattern(layer)) {
    std::vector<int64_t> shape = q.sizes().vec();
    shape.back() = end;
    whole = at::zeros(shape, q.options());
  }
  std::vector<at::Tensor> z;  // [..., heads, queries, head_dim] of each tile
  for (const AttentionLayout::Run& tile : AttentionPattern::Tiles({begin, end})) {
    const AttentionLayout::Run keys = pattern.Keys(tile);
    const at::Tensor rows = pattern.Rows(tile);
    if (whole.defined()) {
      whole.slice(-2, tile.begin - begin, tile.end - begin)
          .slice(-1, keys.begin, keys.end)
          .copy_(rows);
    }
    z.push_back(at::matmul(rows, v.slice(-2, keys.begin - first_key, keys.end - first_key)));
  }
  if (whole.defined()) steps.pass.recording->Put(HookSite::kAttnPattern, layer, whole);
  return at::linear(at::cat(z, -2).transpose(-3, -2).flatten(-2), w.o_proj);
}

// x: [..., T, d], normed. Returns the down projection, [..., T, d].
at::Tensor Mlp(const MlpWeights& w, const at::Tensor& x) {
  const at::Tensor gate = at::gelu(at::linear(x, w.gate_proj), "tanh");
  return at::linear(gate * at::linear(x, w.up_proj), w.down_proj);
}

}  // namespace

absl::StatusOr<at::Tensor> RunDecoder(const DecoderWeights& weights, const TextConfig& config,
                                      const AttentionLayout& layout, at::Tensor residual,
                                      const DecoderPass& pass, RunContext* context) {
  const Placement placement{residual.device(), residual.scalar_type()};
  const int64_t begin = pass.cache == nullptr ? 0 : pass.cache->n_positions();
  const int64_t end = begin + residual.size(-2);
  CAJAL_CHECK(pass.cache == nullptr ? end == layout.n_positions() : residual.dim() == 3)
      << "a pass without a cache has all positions; one with a cache has a batch";
  CAJAL_CHECK(pass.cache == nullptr || pass.entry == DecoderPass{}.entry)
      << "a cache wants the keys and values of all blocks";
  CAJAL_CHECK(layout.PassEnd(begin, end - begin) == end) << "a pass ends inside an image";
  const RopeTable rope_sliding =
      MakeRopeTable(config.rope_sliding, begin, end, config.head_dim, placement);
  const RopeTable rope_full =
      MakeRopeTable(config.rope_full, begin, end, config.head_dim, placement);
  const double eps = config.rms_norm_eps;
  const int n_layers = static_cast<int>(weights.blocks.size());
  const Steps steps{pass};
  context->BeginPhase("forward", n_layers);
  for (int layer = pass.entry.layer; layer < n_layers; ++layer) {
    RETURN_IF_ERROR(context->CheckStop());
    const BlockWeights& w = weights.blocks[static_cast<size_t>(layer)];
    if (pass.entry != HookPoint{HookSite::kResidMid, layer}) {
      const bool is_full = config.layer_types[static_cast<size_t>(layer)] == LayerType::kFull;
      residual = steps.At(HookSite::kResidPre, layer, std::move(residual));
      const at::Tensor attn_in =
          steps.At(HookSite::kAttnIn, layer, RmsNorm(residual, w.input_gain, eps));
      const at::Tensor attn_raw =
          steps.At(HookSite::kAttnOutRaw, layer,
                   Attention(w.attn, config, layout, is_full ? rope_full : rope_sliding, attn_in,
                             layer, begin, steps));
      const at::Tensor attn_out =
          steps.At(HookSite::kAttnOut, layer, RmsNorm(attn_raw, w.post_attn_gain, eps));
      residual = residual + attn_out;
    }
    const at::Tensor mid = steps.At(HookSite::kResidMid, layer, std::move(residual));

    const at::Tensor mlp_in = steps.At(HookSite::kMlpIn, layer, RmsNorm(mid, w.pre_mlp_gain, eps));
    const at::Tensor mlp_raw = steps.At(HookSite::kMlpOutRaw, layer, Mlp(w.mlp, mlp_in));
    const at::Tensor mlp_out =
        steps.At(HookSite::kMlpOut, layer, RmsNorm(mlp_raw, w.post_mlp_gain, eps));
    residual = steps.At(HookSite::kResidPost, layer, mid + mlp_out);
    context->Advance(layer + 1);
  }
  return steps.At(HookSite::kFinalNorm, 0, RmsNorm(residual, weights.final_gain, eps));
}

at::Tensor Logits(const DecoderWeights& weights, const TextConfig& config,
                  const at::Tensor& normed) {
  const at::Tensor logits = at::linear(normed, weights.unembedding).to(at::kFloat);
  const std::optional<double>& cap = config.final_logit_softcapping;
  return cap.has_value() ? at::tanh(logits / *cap) * *cap : logits;
}

}  // namespace cajal::gemma3
