#include "model/transcoder/per_layer_set.h"

#include <ATen/ATen.h>

#include "model/base/check.h"
#include "model/transcoder/activation.h"

namespace cajal::transcoder {

PerLayerSet::PerLayerSet(TranscoderSetInfo info, std::vector<PerLayerWeights> layers)
    : TranscoderSet(std::move(info)), layers_(std::move(layers)) {}

ActiveFeatures PerLayerSet::Encode(int index, const at::Tensor& x, int64_t zero_positions) const {
  const PerLayerWeights& w = layer(index);
  const at::Tensor pre = at::linear(x.to(w.W_enc.scalar_type()), w.W_enc).to(at::kFloat) + w.b_enc;
  at::Tensor activations = Activate(info().activation, info().k, w.threshold, pre);
  activations.slice(0, 0, zero_positions).zero_();
  const at::Tensor active = activations.nonzero();  // [n, 2], ascending (position, feature)
  ActiveFeatures result;
  result.positions = active.select(1, 0).contiguous();
  result.features = active.select(1, 1).contiguous();
  const at::Tensor flat = result.positions * pre.size(1) + result.features;
  result.activations = activations.flatten().index_select(0, flat);
  result.pre_activations = pre.flatten().index_select(0, flat);
  return result;
}

at::Tensor PerLayerSet::EncoderRows(int index, const at::Tensor& features) const {
  return layer(index).W_enc.index_select(0, features).to(at::kFloat);
}

at::Tensor PerLayerSet::EncoderBiases(int index, const at::Tensor& features) const {
  return layer(index).b_enc.index_select(0, features);
}

at::Tensor PerLayerSet::DecoderRows(int index, int written, const at::Tensor& features) const {
  CAJAL_CHECK(index == written) << "per-layer transcoders write to their own layer";
  return layer(index).W_dec.index_select(0, features).to(at::kFloat);
}

at::Tensor PerLayerSet::DecoderBias(int written) const { return layer(written).b_dec; }

std::optional<at::Tensor> PerLayerSet::Skip(int written) const { return layer(written).skip; }

}  // namespace cajal::transcoder
