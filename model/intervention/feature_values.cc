#include "model/intervention/feature_values.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "model/gemma3/host_to_device.h"
#include "model/intervention/distinct.h"

namespace cajal::intervention {
namespace {

using gemma3::ToDevice;
using transcoder::ActivationKind;
using transcoder::TranscoderSet;

FeaturePlaces Select(const FeaturePlaces& at, const std::vector<int64_t>& entries) {
  FeaturePlaces selected;
  for (const int64_t entry : entries) {
    selected.places.push_back(at.places[static_cast<size_t>(entry)]);
    selected.features.push_back(at.features[static_cast<size_t>(entry)]);
  }
  return selected;
}

// Of nonlinearities that look at the positions of a prompt together: each run is encoded whole.
at::Tensor ReadRuns(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                    const FeaturePlaces& at) {
  const int64_t T = x.size(1);
  std::map<int64_t, std::vector<int64_t>> entries_of_run;
  for (int64_t entry = 0; entry < std::ssize(at.places); ++entry) {
    entries_of_run[at.places[static_cast<size_t>(entry)] / T].push_back(entry);
  }
  at::Tensor activations = at::empty({std::ssize(at.places)}, x.options().dtype(at::kFloat));
  for (const auto& [run, entries] : entries_of_run) {
    FeaturePlaces mine = Select(at, entries);
    for (int64_t& place : mine.places) place %= T;
    activations.index_copy_(
        0, ToDevice(entries, x.device()),
        transcoders.ActivationsAt(layer, x[run], ToDevice(mine.places, x.device()),
                                  ToDevice(mine.features, x.device())));
  }
  return activations;
}

// The activations, from all that their rows, or their runs, make.
at::Tensor ReadEncoded(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                       const FeaturePlaces& at) {
  if (transcoders.info().activation == ActivationKind::kBatchTopK) {
    return ReadRuns(transcoders, layer, x, at);
  }
  const Distinct rows(at.places);
  return transcoders.ActivationsAt(
      layer, x.reshape({-1, x.size(-1)}).index_select(0, ToDevice(rows.values, x.device())),
      ToDevice(rows.which, x.device()), ToDevice(at.features, x.device()));
}

// Whether an activation is its pre-activation's ReLU.
bool IsRelu(const TranscoderSet& transcoders, const Encoding& encoding) {
  return encoding.plain_relu || transcoders.info().activation == ActivationKind::kRelu;
}

// Whether a nonlinearity chooses among the positive pre-activations.
bool ChoosesPositive(ActivationKind kind) {
  return kind == ActivationKind::kReluTopK || kind == ActivationKind::kGroupMax ||
         kind == ActivationKind::kBatchTopK;
}

// Of nonlinearities other than ReLU. What cannot be chosen is not encoded: most features that are
// set are off before.
at::Tensor ReadChosen(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                      const FeaturePlaces& at, const at::Tensor& pre_activations) {
  if (!ChoosesPositive(transcoders.info().activation)) {
    return ReadEncoded(transcoders, layer, x, at);
  }
  const at::Tensor on_host = pre_activations.cpu();
  std::vector<int64_t> positive;
  for (int64_t entry = 0; entry < on_host.numel(); ++entry) {
    if (on_host.const_data_ptr<float>()[entry] > 0) positive.push_back(entry);
  }
  if (std::ssize(positive) == on_host.numel()) return ReadEncoded(transcoders, layer, x, at);
  at::Tensor activations = at::zeros_like(pre_activations);
  if (positive.empty()) return activations;
  return activations.index_copy_(0, ToDevice(positive, x.device()),
                                 ReadEncoded(transcoders, layer, x, Select(at, positive)));
}

}  // namespace

at::Tensor ReadPreActivations(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                              const FeaturePlaces& at) {
  const Distinct features(at.features);
  const at::Tensor which = ToDevice(features.values, x.device());
  const at::Tensor rows =
      x.reshape({-1, x.size(-1)}).index_select(0, ToDevice(at.places, x.device())).to(at::kFloat);
  const at::Tensor encoders = features.Spread(transcoders.EncoderRows(layer, which));
  return (rows * encoders).sum(-1) + features.Spread(transcoders.EncoderBiases(layer, which));
}

FeatureValues ReadFeatures(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                           const FeaturePlaces& at, const Encoding& encoding) {
  const at::Tensor pre = ReadPreActivations(transcoders, layer, x, at);
  at::Tensor activations =
      IsRelu(transcoders, encoding) ? at::relu(pre) : ReadChosen(transcoders, layer, x, at, pre);
  std::vector<int64_t> without_features;
  for (int64_t entry = 0; entry < std::ssize(at.places); ++entry) {
    const int64_t position = at.places[static_cast<size_t>(entry)] % x.size(1);
    if (position < encoding.zero_positions) without_features.push_back(entry);
  }
  if (!without_features.empty()) {
    activations.index_fill_(0, ToDevice(without_features, x.device()), 0);
  }
  return {.pre_activations = pre, .activations = activations};
}

int64_t NumbersPerFeature(ActivationKind activation) {
  return activation == ActivationKind::kBatchTopK ? 8 : 4;
}

int64_t EncodingBytes(const transcoder::TranscoderSetInfo& transcoders, int64_t d_model,
                      const EncodedPlaces& places, int64_t n_positions) {
  const int64_t n_features = *std::max_element(transcoders.features_per_layer.begin(),
                                               transcoders.features_per_layer.end());
  int64_t n = 3 * places.n_features * d_model;
  if (transcoders.activation != ActivationKind::kRelu && places.n_rows > 0) {
    const bool is_whole_run = transcoders.activation == ActivationKind::kBatchTopK;
    n += NumbersPerFeature(transcoders.activation) * n_features *
         (is_whole_run ? n_positions : places.n_rows);
  }
  return n * static_cast<int64_t>(sizeof(float));
}

}  // namespace cajal::intervention
