#include "model/intervention/feature_values.h"

#include <ATen/ATen.h>

namespace cajal::intervention {
namespace {

using transcoder::ActivationKind;
using transcoder::ActiveFeatures;
using transcoder::TranscoderSet;

// The activations of (row, feature) pairs among those that are active; 0 for the others.
at::Tensor Find(const ActiveFeatures& active, int64_t n_features, const at::Tensor& rows,
                const at::Tensor& features) {
  if (active.size() == 0) return at::zeros(rows.sizes(), active.activations.options());
  const at::Tensor keys = active.positions * n_features + active.features;  // ascending
  const at::Tensor wanted = rows * n_features + features;
  const at::Tensor at = at::searchsorted(keys, wanted).clamp_max(active.size() - 1);
  return active.activations.index_select(0, at) * keys.index_select(0, at).eq(wanted);
}

at::Tensor PreActivations(const TranscoderSet& transcoders, int layer, const at::Tensor& rows,
                          const at::Tensor& features) {
  const auto [unique, place] = at::_unique(features, /*sorted=*/true, /*return_inverse=*/true);
  const at::Tensor encoders = transcoders.EncoderRows(layer, unique).index_select(0, place);
  return (rows.to(at::kFloat) * encoders).sum(-1) + transcoders.EncoderBiases(layer, features);
}

// Of nonlinearities that look at the positions of a prompt together: each run is encoded whole.
at::Tensor EncodeRuns(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                      const at::Tensor& places, const at::Tensor& features,
                      int64_t zero_positions) {
  const int64_t T = x.size(1);
  const int64_t n_features = transcoders.info().features_per_layer[static_cast<size_t>(layer)];
  at::Tensor activations = at::zeros(places.sizes(), places.options().dtype(at::kFloat));
  const at::Tensor runs = places.div(T, "floor");
  for (int64_t run = 0; run < x.size(0); ++run) {
    const at::Tensor mine = runs.eq(run).nonzero().squeeze(1);
    if (mine.size(0) == 0) continue;
    const ActiveFeatures active = transcoders.Encode(layer, x[run], zero_positions);
    activations.index_copy_(0, mine,
                            Find(active, n_features, places.index_select(0, mine) - run * T,
                                 features.index_select(0, mine)));
  }
  return activations;
}

}  // namespace

FeatureValues ReadFeatures(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                           const at::Tensor& places, const at::Tensor& features,
                           const Encoding& encoding) {
  const at::Tensor rows = x.reshape({-1, x.size(-1)});
  const ActivationKind kind = transcoders.info().activation;
  FeatureValues values;
  values.pre_activations =
      PreActivations(transcoders, layer, rows.index_select(0, places), features);
  if (encoding.plain_relu || kind == ActivationKind::kRelu) {
    values.activations = at::relu(values.pre_activations);
  } else if (kind == ActivationKind::kBatchTopK) {
    values.activations =
        EncodeRuns(transcoders, layer, x, places, features, encoding.zero_positions);
  } else {
    const auto [unique, row] = at::_unique(places, /*sorted=*/true, /*return_inverse=*/true);
    const ActiveFeatures active = transcoders.Encode(layer, rows.index_select(0, unique), 0);
    values.activations = Find(
        active, transcoders.info().features_per_layer[static_cast<size_t>(layer)], row, features);
  }
  const at::Tensor positions = places.remainder(x.size(1));
  values.activations = values.activations * positions.ge(encoding.zero_positions);
  return values;
}

}  // namespace cajal::intervention
