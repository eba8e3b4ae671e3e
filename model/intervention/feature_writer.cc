#include "model/intervention/feature_writer.h"

#include <ATen/ATen.h>

#include <limits>
#include <utility>

#include "model/gemma3/host_to_device.h"

namespace cajal::intervention {

using transcoder::ActiveFeatures;

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
      layer.places.push_back(static_cast<int64_t>(run) * n_positions + write.position);
      layer.features.push_back(write.feature);
      Add(write.operation, &layer);
    }
  }
}

void FeatureWriter::Add(const Operation& operation, LayerWrites* writes) {
  constexpr float kUnbounded = std::numeric_limits<float>::infinity();
  const auto add = [writes](float scale, float offset, float low, float high) {
    writes->scales.push_back(scale);
    writes->offsets.push_back(offset);
    writes->lows.push_back(low);
    writes->highs.push_back(high);
  };
  switch (operation.kind) {
    case OperationKind::kSet:
      return add(0, operation.value, -kUnbounded, kUnbounded);
    case OperationKind::kScale:
      return add(operation.value, 0, -kUnbounded, kUnbounded);
    case OperationKind::kAdd:
      return add(1, operation.value, -kUnbounded, kUnbounded);
    case OperationKind::kAtMost:
      return add(1, 0, -kUnbounded, operation.value);
    case OperationKind::kAtLeast:
      return add(1, 0, operation.value, kUnbounded);
  }
}

void FeatureWriter::Read(int layer, const at::Tensor& x) {
  const LayerWrites& writes = layers_[static_cast<size_t>(layer)];
  if (writes.places.empty()) return;
  const at::Device device = x.device();
  const at::Tensor places = gemma3::ToDevice(writes.places, device);
  const at::Tensor features = gemma3::ToDevice(writes.features, device);
  const FeatureValues before =
      clean_ == nullptr
          ? ReadFeatures(transcoders_, layer, x, places, features, encoding_)
          : ReadFeatures(transcoders_, layer,
                         clean_->layers[static_cast<size_t>(layer)].feature_input.unsqueeze(0),
                         places.remainder(n_positions_), features, encoding_);
  const at::Tensor& old = before.activations;
  const auto on_device = [&device](const std::vector<float>& values) {
    return gemma3::ToDevice(at::tensor(values), device);
  };
  const at::Tensor edited = at::clamp(on_device(writes.scales) * old + on_device(writes.offsets),
                                      on_device(writes.lows), on_device(writes.highs));
  const auto [unique, row] = at::_unique(features, /*sorted=*/true, /*return_inverse=*/true);
  for (int written = layer; written <= transcoders_.LastWrittenLayer(layer); ++written) {
    const auto written_activations = [&](const at::Tensor& activations) {
      return transcoders_.WrittenActivations(
          layer, written, ActiveFeatures{.features = features, .activations = activations});
    };
    const at::Tensor change = written_activations(edited) - written_activations(old);
    const at::Tensor rows = transcoders_.DecoderRows(layer, written, unique).index_select(0, row);
    at::Tensor& pending = pending_[static_cast<size_t>(written)];
    if (!pending.defined()) {
      pending = at::zeros({x.size(0) * x.size(1), x.size(2)}, x.options().dtype(at::kFloat));
    }
    pending.index_add_(0, places, change.unsqueeze(1) * rows);
  }
}

at::Tensor FeatureWriter::Take(int layer) {
  const at::Tensor pending = std::exchange(pending_[static_cast<size_t>(layer)], at::Tensor());
  return pending.defined() ? pending.view({-1, n_positions_, pending.size(1)}) : pending;
}

}  // namespace cajal::intervention
