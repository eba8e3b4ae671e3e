#include "model/intervention/target_reader.h"

#include <ATen/ATen.h>

#include <cmath>

#include "model/gemma3/host_to_device.h"
#include "model/intervention/feature_values.h"

namespace cajal::intervention {

TargetReader::TargetReader(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
                           const attribution::Trace& clean, std::span<const MeasuredTarget> targets,
                           std::span<const TokenWeights> terms, const at::Tensor& mean_unembedding)
    : transcoders_(transcoders),
      clean_(clean),
      targets_(targets),
      layers_(static_cast<size_t>(transcoders.n_layers())) {
  const at::Device device = model.weights.placement.device;
  std::vector<std::vector<int64_t>> positions(layers_.size() + 1);  // the last: of logits
  std::vector<std::vector<int64_t>> features(layers_.size());
  std::vector<at::Tensor> directions;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (terms[i].empty()) {
      const auto layer = static_cast<size_t>(targets[i].layer);
      layers_[layer].order.push_back(i);
      positions[layer].push_back(targets[i].position);
      features[layer].push_back(targets[i].feature);
      continue;
    }
    at::Tensor direction = at::zeros_like(mean_unembedding);
    for (const auto& [token, weight] : terms[i]) {
      const at::Tensor row = model.weights.decoder.unembedding[token].to(at::kFloat);
      direction.add_(row - mean_unembedding, weight);
    }
    directions.push_back(direction);
    logits_.order.push_back(i);
    positions.back().push_back(targets[i].position);
  }
  for (size_t layer = 0; layer < layers_.size(); ++layer) {
    if (layers_[layer].order.empty()) continue;
    layers_[layer].positions = gemma3::ToDevice(positions[layer], device);
    layers_[layer].vectors =
        transcoders.EncoderRows(static_cast<int>(layer), gemma3::ToDevice(features[layer], device));
  }
  if (directions.empty()) return;
  logits_.positions = gemma3::ToDevice(positions.back(), device);
  logits_.vectors = at::stack(directions);
}

double TargetReader::ActivationDeviation(int64_t zero_positions) const {
  double difference = 0;
  double total = 0;
  for (size_t layer = 0; layer < layers_.size(); ++layer) {
    const Group& group = layers_[layer];
    if (group.order.empty()) continue;
    FeaturePlaces at;
    for (const size_t i : group.order) {
      at.places.push_back(targets_[i].position);
      at.features.push_back(targets_[i].feature);
    }
    const at::Tensor& x = clean_.layers[layer].feature_input;
    const at::Tensor activations =
        ReadFeatures(transcoders_, static_cast<int>(layer), x.unsqueeze(0), at,
                     {.zero_positions = zero_positions})
            .activations.cpu();
    for (size_t entry = 0; entry < group.order.size(); ++entry) {
      const double expected = targets_[group.order[entry]].activation;
      if (expected == 0) continue;
      difference += std::abs(activations.const_data_ptr<float>()[entry] - expected);
      total += std::abs(expected);
    }
  }
  return total == 0 ? 0 : difference / total;
}

void TargetReader::Prepare(EditHook* hook) const {
  for (size_t layer = 0; layer < layers_.size(); ++layer) {
    if (!layers_[layer].order.empty()) hook->KeepFeatureInputs(static_cast<int>(layer));
  }
}

void TargetReader::Read(const EditHook& hook, const at::Tensor& normed, int64_t run,
                        std::span<float> changes) const {
  for (size_t layer = 0; layer < layers_.size(); ++layer) {
    if (layers_[layer].order.empty()) continue;
    ReadGroup(layers_[layer], hook.feature_input(static_cast<int>(layer))[run],
              clean_.layers[layer].feature_input, changes);
  }
  if (!logits_.order.empty()) ReadGroup(logits_, normed[run], clean_.final_normed, changes);
}

void TargetReader::ReadGroup(const Group& group, const at::Tensor& x, const at::Tensor& clean,
                             std::span<float> changes) const {
  const at::Tensor change = x.index_select(0, group.positions).to(at::kFloat) -
                            clean.index_select(0, group.positions).to(at::kFloat);
  const at::Tensor values = (change * group.vectors).sum(-1).cpu();
  for (size_t entry = 0; entry < group.order.size(); ++entry) {
    changes[group.order[entry]] = values.const_data_ptr<float>()[entry];
  }
}

}  // namespace cajal::intervention
