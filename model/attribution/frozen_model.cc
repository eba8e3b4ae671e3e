#include "model/attribution/frozen_model.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cajal::attribution {

using gemma3::AttentionLayout;
using gemma3::AttentionPattern;
using gemma3::BlockWeights;
using gemma3::HookSite;

at::ScalarType GradientTypeFor(const gemma3::Placement& placement) {
  return placement.device.is_cpu() ? at::kFloat : placement.dtype;
}

FoldedModel FoldModel(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
                      at::ScalarType gradient_type) {
  const auto& config = model.config.text;
  const int64_t d = config.hidden_size;
  FoldedModel folded;
  for (size_t i = 0; i < model.weights.decoder.blocks.size(); ++i) {
    const BlockWeights& w = model.weights.decoder.blocks[i];
    FoldedBlock block;
    block.output = (w.attn.o_proj.to(at::kFloat) * w.post_attn_gain.unsqueeze(1))
                       .view({d, config.num_attention_heads, config.head_dim})
                       .permute({1, 0, 2})
                       .to(gradient_type)
                       .contiguous();
    block.value = (w.attn.v_proj.to(at::kFloat) * w.input_gain)
                      .view({config.num_key_value_heads, config.head_dim, d})
                      .to(gradient_type);
    if (const auto skip = transcoders.Skip(static_cast<int>(i)); skip.has_value()) {
      at::Tensor adjoint = skip->to(at::kFloat).transpose(0, 1) * w.pre_mlp_gain;
      if (transcoders.info().output_site == HookSite::kMlpOutRaw) {
        adjoint = w.post_mlp_gain.unsqueeze(1) * adjoint;
      }
      block.skip = adjoint.to(gradient_type).contiguous();
    }
    folded.blocks.push_back(std::move(block));
  }
  folded.mean_unembedding = model.weights.decoder.unembedding.mean(0, false, at::kFloat);
  return folded;
}

void ResidualGradient::Widen(const AttentionLayout::Run& run) {
  active = empty() ? run
                   : AttentionLayout::Run{std::min(active.begin, run.begin),
                                          std::max(active.end, run.end)};
}

void ResidualGradient::AddRows(int64_t n) {
  const at::Tensor grown =
      at::zeros({values.size(0), n_rows() + n, values.size(2)}, values.options());
  if (!empty()) {
    grown.slice(0, active.begin, active.end)
        .slice(1, 0, n_rows())
        .copy_(values.slice(0, active.begin, active.end));
  }
  values = grown;
}

FrozenModel::FrozenModel(const gemma3::Model& model,
                         const transcoder::TranscoderSetInfo& transcoders,
                         const FoldedModel& folded, const Trace& trace)
    : model_(model), folded_(folded), trace_(trace) {
  const auto& config = model.config.text;
  const Run whole{0, trace.n_positions()};
  for (int i = 0; i < trace.n_layers(); ++i) {
    const auto index = static_cast<size_t>(i);
    const LayerTrace& recorded = trace.layers[index];
    layers_.push_back({AttentionPattern(config, trace.layout, config.layer_types[index],
                                        recorded.query, recorded.key)});
    Layer& layer = layers_.back();
    if (whole.end <= AttentionPattern::kTile) layer.pattern = FoldPattern(i, whole);
    if (folded.blocks[index].skip.has_value()) {
      layer.skip_scale = recorded.pre_mlp_scale;
      if (transcoders.output_site == HookSite::kMlpOutRaw) {
        layer.skip_scale = layer.skip_scale * recorded.post_mlp_scale;
      }
      layer.skip_scale = layer.skip_scale.to(folded.gradient_type());
    }
  }
}

at::Tensor FrozenModel::FoldPattern(int layer, Run queries) const {
  const auto index = static_cast<size_t>(layer);
  const LayerTrace& recorded = trace_.layers[index];
  const AttentionPattern& attention = layers_[index].attention;
  const Run keys = attention.Keys(queries);
  // [H, query, key], scaled by what the query's output and the key's input are normed with.
  const at::Tensor scaled =
      attention.Rows(queries).to(at::kFloat) *
      recorded.post_attn_scale.slice(0, queries.begin, queries.end).view({1, -1, 1}) *
      recorded.input_scale.slice(0, keys.begin, keys.end).view({1, 1, -1});
  const int64_t n_kv = recorded.key.size(0);
  return scaled.view({n_kv, -1, scaled.size(1), scaled.size(2)})
      .permute({0, 3, 1, 2})
      .to(folded_.gradient_type())
      .contiguous();
}

at::Tensor FrozenModel::PatternOf(int layer, Run queries) const {
  const Layer& frozen = layers_[static_cast<size_t>(layer)];
  if (!frozen.pattern.defined()) return FoldPattern(layer, queries);
  const Run keys = frozen.attention.Keys(queries);
  return frozen.pattern.slice(1, keys.begin, keys.end).slice(3, queries.begin, queries.end);
}

at::Tensor FrozenModel::FeatureInputToMid(int layer, const at::Tensor& rows,
                                          const at::Tensor& positions) const {
  const auto i = static_cast<size_t>(layer);
  const at::Tensor scale = trace_.layers[i].pre_mlp_scale.index_select(0, positions);
  return rows * scale.unsqueeze(1) * model_.weights.decoder.blocks[i].pre_mlp_gain;
}

at::Tensor FrozenModel::FinalNormedToResidual(const at::Tensor& rows,
                                              const at::Tensor& positions) const {
  const at::Tensor scale = trace_.final_scale.index_select(0, positions);
  return rows * scale.unsqueeze(1) * model_.weights.decoder.final_gain;
}

int64_t FrozenModel::ReachOf(int64_t position) const {
  return trace_.layout.ReachableKeys(checkpoint::LayerType::kFull, {position, position + 1}).end;
}

void FrozenModel::PullBackMlp(int layer, ResidualGradient* gradient) const {
  const FoldedBlock& block = folded_.blocks[static_cast<size_t>(layer)];
  if (!block.skip.has_value() || gradient->empty()) return;
  const auto [begin, end] = gradient->active;
  at::Tensor active = gradient->values.slice(0, begin, end);
  const at::Tensor through_skip = at::matmul(active, *block.skip);
  const at::Tensor scale = layers_[static_cast<size_t>(layer)].skip_scale.slice(0, begin, end);
  active.addcmul_(through_skip, scale.view({-1, 1, 1}));
}

void FrozenModel::PullBackAttention(int layer, ResidualGradient* gradient) const {
  if (gradient->empty()) return;
  const FoldedBlock& block = folded_.blocks[static_cast<size_t>(layer)];
  const AttentionPattern& attention = layers_[static_cast<size_t>(layer)].attention;
  const Run keys = attention.Keys(gradient->active);
  const int64_t n_keys = keys.end - keys.begin;
  const int64_t rows = gradient->values.size(1);
  const int64_t d = gradient->values.size(2);
  const int64_t n_kv = block.value.size(0);
  const int64_t group = block.output.size(0) / n_kv;
  const int64_t h = block.output.size(2);

  // Gradients at the head outputs z, then at the values v; one tile of queries and one kv head at a
  // time. All are computed before the keys' positions are written, because these overlap the
  // queries'.
  const auto options = gradient->values.options();
  const at::Tensor value_gradients = at::zeros({n_kv, n_keys, rows * h}, options);
  for (const Run& queries : AttentionPattern::Tiles(gradient->active)) {
    const int64_t n_queries = queries.end - queries.begin;
    const Run reached = attention.Keys(queries);
    const at::Tensor pattern = PatternOf(layer, queries);
    const at::Tensor at_queries =
        gradient->values.slice(0, queries.begin, queries.end).view({n_queries * rows, d});
    at::Tensor z = at::empty({group, n_queries * rows, h}, options);
    for (int64_t kv = 0; kv < n_kv; ++kv) {
      for (int64_t member = 0; member < group; ++member) {
        at::Tensor z_member = z[member];
        at::mm_out(z_member, at_queries, block.output[kv * group + member]);
      }
      value_gradients[kv]
          .slice(0, reached.begin - keys.begin, reached.end - keys.begin)
          .addmm_(pattern[kv].reshape({-1, group * n_queries}),
                  z.view({group * n_queries, rows * h}));
    }
  }
  at::Tensor at_keys = gradient->values.slice(0, keys.begin, keys.end).view({n_keys * rows, d});
  for (int64_t kv = 0; kv < n_kv; ++kv) {
    at_keys.addmm_(value_gradients[kv].view({n_keys * rows, h}), block.value[kv]);
  }
  gradient->Widen(keys);
}

}  // namespace cajal::attribution
