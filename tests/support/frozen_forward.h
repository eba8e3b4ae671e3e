// The local replacement model run forwards, for measuring effects instead of deriving them.
//
// Attention patterns, norm scales and MLP outputs are held at a trace's values; whatever is added
// to the embeddings or to the feature outputs then travels through value and output projections,
// gains and the transcoders' skip paths alone. Written from the definition of the model and its
// weights, sharing nothing with attribution/frozen_model.cc.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "model/attribution/trace.h"
#include "model/gemma3/model.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::testing {

// [H, T, T]: a layer's whole attention pattern, from the queries and keys that were recorded.
inline at::Tensor WholePattern(const gemma3::Model& model, const attribution::Trace& trace,
                               size_t layer) {
  const auto& config = model.config.text;
  const attribution::LayerTrace& recorded = trace.layers[layer];
  const int64_t T = trace.n_positions();
  const at::Tensor keys =
      recorded.key.repeat_interleave(config.num_attention_heads / config.num_key_value_heads, 0);
  const at::Tensor scores = at::matmul(recorded.query, keys.transpose(1, 2)) /
                            std::sqrt(static_cast<double>(config.query_pre_attn_scalar));
  const at::Tensor allowed = trace.layout.AllowedMask(config.layer_types[layer], {0, T}, {0, T});
  return at::softmax(at::where(allowed, scores, at::full({}, -INFINITY)), -1);
}

struct FrozenRun {
  std::vector<at::Tensor> feature_inputs;  // per layer [N, T, d]
  at::Tensor final_normed;                 // [N, T, d]
};

// embedding: [N, T, d]. deltas: per layer [N, T, d], added at the feature output; undefined = none.
inline FrozenRun RunFrozen(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
                           const attribution::Trace& trace, const at::Tensor& embedding,
                           const std::vector<at::Tensor>& deltas) {
  const auto& config = model.config.text;
  const int64_t N = embedding.size(0);
  const int64_t T = embedding.size(1);
  const auto scaled = [](const at::Tensor& x, const at::Tensor& scale, const at::Tensor& gain) {
    return x * scale.unsqueeze(-1) * gain;
  };
  FrozenRun run;
  at::Tensor x = embedding;
  for (size_t i = 0; i < trace.layers.size(); ++i) {
    const attribution::LayerTrace& frozen = trace.layers[i];
    const gemma3::BlockWeights& w = model.weights.decoder.blocks[i];
    const at::Tensor y = scaled(x, frozen.input_scale, w.input_gain);
    const at::Tensor v =
        at::linear(y, w.attn.v_proj)
            .view({N, T, config.num_key_value_heads, config.head_dim})
            .permute({0, 2, 1, 3})
            .repeat_interleave(config.num_attention_heads / config.num_key_value_heads, 1);
    const at::Tensor z =
        at::matmul(WholePattern(model, trace, i), v).permute({0, 2, 1, 3}).reshape({N, T, -1});
    const at::Tensor mid =
        x + scaled(at::linear(z, w.attn.o_proj), frozen.post_attn_scale, w.post_attn_gain);
    const at::Tensor u = scaled(mid, frozen.pre_mlp_scale, w.pre_mlp_gain);
    run.feature_inputs.push_back(u);

    at::Tensor output = frozen.feature_output.expand({N, T, -1});
    if (const auto skip = transcoders.Skip(static_cast<int>(i)); skip.has_value()) {
      output = output + at::matmul(u - frozen.feature_input, *skip);
    }
    if (deltas[i].defined()) output = output + deltas[i];
    if (transcoders.info().output_site == gemma3::HookSite::kMlpOutRaw) {
      output = scaled(output, frozen.post_mlp_scale, w.post_mlp_gain);
    }
    x = mid + output;
  }
  run.final_normed = scaled(x, trace.final_scale, model.weights.decoder.final_gain);
  return run;
}

}  // namespace cajal::testing
