#include "model/intervention/feature_writer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "model/gemma3/host_to_device.h"
#include "model/intervention/distinct.h"

namespace cajal::intervention {

using transcoder::ActiveFeatures;

namespace {

float Edited(float activation, const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kSet:
      return operation.value;
    case OperationKind::kScale:
      return operation.value * activation;
    case OperationKind::kAdd:
      return activation + operation.value;
    case OperationKind::kAtMost:
      return std::min(activation, operation.value);
    case OperationKind::kAtLeast:
      return std::max(activation, operation.value);
  }
  return activation;
}

// activations: [n], on any device.
std::vector<float> Edited(const at::Tensor& activations, const std::vector<Operation>& operations) {
  const at::Tensor on_host = activations.cpu();
  std::vector<float> edited;
  edited.reserve(operations.size());
  for (const Operation& operation : operations) {
    edited.push_back(Edited(on_host.const_data_ptr<float>()[edited.size()], operation));
  }
  return edited;
}

}  // namespace

FeatureWriter::FeatureWriter(const transcoder::TranscoderSet& transcoders, const Encoding& encoding,
                             const attribution::Trace* clean,
                             std::span<const std::vector<FeatureWrite>> writes, int64_t n_positions)
    : transcoders_(transcoders),
      encoding_(encoding),
      clean_(clean),
      n_positions_(n_positions),
      layers_(static_cast<size_t>(transcoders.n_layers())),
      pending_(static_cast<size_t>(transcoders.n_layers())) {
  for (size_t run = 0; run < writes.size(); ++run) {
    for (const FeatureWrite& write : writes[run]) {
      LayerWrites& layer = layers_[static_cast<size_t>(write.layer)];
      layer.at.places.push_back(static_cast<int64_t>(run) * n_positions + write.position);
      layer.at.features.push_back(write.feature);
      layer.operations.push_back(write.operation);
    }
  }
}

void FeatureWriter::Read(int layer, const at::Tensor& x) {
  const LayerWrites& writes = layers_[static_cast<size_t>(layer)];
  if (writes.at.places.empty()) return;
  const at::Device device = x.device();
  const at::Tensor old = Before(layer, x);
  const at::Tensor edited = gemma3::ToDevice(at::tensor(Edited(old, writes.operations)), device);
  const at::Tensor places = gemma3::ToDevice(writes.at.places, device);
  const at::Tensor features = gemma3::ToDevice(writes.at.features, device);
  const Distinct distinct(writes.at.features);
  const at::Tensor distinct_features = gemma3::ToDevice(distinct.values, device);
  for (int written = layer; written <= transcoders_.LastWrittenLayer(layer); ++written) {
    const auto written_activations = [&](const at::Tensor& activations) {
      return transcoders_.WrittenActivations(
          layer, written, ActiveFeatures{.features = features, .activations = activations});
    };
    const at::Tensor change = written_activations(edited) - written_activations(old);
    const at::Tensor rows =
        distinct.Spread(transcoders_.DecoderRows(layer, written, distinct_features));
    at::Tensor& pending = pending_[static_cast<size_t>(written)];
    if (!pending.defined()) {
      pending = at::zeros({x.size(0) * x.size(1), x.size(2)}, x.options().dtype(at::kFloat));
    }
    pending.index_add_(0, places, change.unsqueeze(1) * rows);
  }
}

at::Tensor FeatureWriter::Before(int layer, const at::Tensor& x) const {
  const FeaturePlaces& at = layers_[static_cast<size_t>(layer)].at;
  if (clean_ == nullptr) {
    return ReadFeatures(transcoders_, layer, x, at, encoding_).activations;
  }
  // All runs start from the same one.
  FeaturePlaces in_clean = at;
  for (int64_t& place : in_clean.places) place %= n_positions_;
  const at::Tensor& clean = clean_->layers[static_cast<size_t>(layer)].feature_input;
  return ReadFeatures(transcoders_, layer, clean.unsqueeze(0), in_clean, encoding_).activations;
}

at::Tensor FeatureWriter::Take(int layer) {
  const at::Tensor pending = std::exchange(pending_[static_cast<size_t>(layer)], at::Tensor());
  return pending.defined() ? pending.view({-1, n_positions_, pending.size(1)}) : pending;
}

}  // namespace cajal::intervention
