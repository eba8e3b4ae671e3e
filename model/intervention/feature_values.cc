#include "model/intervention/feature_values.h"

#include <ATen/ATen.h>

#include <algorithm>

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

// Whether an activation is its pre-activation's ReLU.
bool IsRelu(const TranscoderSet& transcoders, const Encoding& encoding) {
  return encoding.plain_relu || transcoders.info().activation == ActivationKind::kRelu;
}

// The activations at `places`, from all that their rows, or their runs, make.
at::Tensor ReadEncoded(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                       const at::Tensor& places, const at::Tensor& features,
                       int64_t zero_positions) {
  if (transcoders.info().activation == ActivationKind::kBatchTopK) {
    return EncodeRuns(transcoders, layer, x, places, features, zero_positions);
  }
  const at::Tensor rows = x.reshape({-1, x.size(-1)});
  const auto [unique, row] = at::_unique(places, /*sorted=*/true, /*return_inverse=*/true);
  const ActiveFeatures active = transcoders.Encode(layer, rows.index_select(0, unique), 0);
  return Find(active, transcoders.info().features_per_layer[static_cast<size_t>(layer)], row,
              features);
}

// Whether a nonlinearity chooses among the positive pre-activations.
bool ChoosesPositive(ActivationKind kind) {
  return kind == ActivationKind::kReluTopK || kind == ActivationKind::kGroupMax ||
         kind == ActivationKind::kBatchTopK;
}

// Of nonlinearities other than ReLU. What cannot be chosen is not encoded: most features that are
// set are off before.
at::Tensor ReadChosen(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                      const at::Tensor& places, const at::Tensor& features,
                      const at::Tensor& pre_activations, int64_t zero_positions) {
  if (!ChoosesPositive(transcoders.info().activation)) {
    return ReadEncoded(transcoders, layer, x, places, features, zero_positions);
  }
  at::Tensor activations = at::zeros_like(pre_activations);
  const at::Tensor positive = pre_activations.gt(0).nonzero().squeeze(1);
  if (positive.size(0) == 0) return activations;
  return activations.index_copy_(
      0, positive,
      ReadEncoded(transcoders, layer, x, places.index_select(0, positive),
                  features.index_select(0, positive), zero_positions));
}

}  // namespace

FeatureValues ReadFeatures(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                           const at::Tensor& places, const at::Tensor& features,
                           const Encoding& encoding) {
  const at::Tensor pre = PreActivations(
      transcoders, layer, x.reshape({-1, x.size(-1)}).index_select(0, places), features);
  const at::Tensor activations =
      IsRelu(transcoders, encoding)
          ? at::relu(pre)
          : ReadChosen(transcoders, layer, x, places, features, pre, encoding.zero_positions);
  // Features at the positions without features are off.
  return {.pre_activations = pre,
          .activations = activations * places.remainder(x.size(1)).ge(encoding.zero_positions)};
}

int64_t EncodingBytes(const transcoder::TranscoderSetInfo& transcoders, int64_t d_model,
                      const EncodedPlaces& places) {
  int64_t n = 3 * places.n_features * d_model;
  if (transcoders.activation != ActivationKind::kRelu) {
    n += 4 * places.n_rows *
         *std::max_element(transcoders.features_per_layer.begin(),
                           transcoders.features_per_layer.end());
  }
  return n * static_cast<int64_t>(sizeof(float));
}

}  // namespace cajal::intervention
