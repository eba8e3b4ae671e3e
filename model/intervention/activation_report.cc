#include "model/intervention/activation_report.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace cajal::intervention {
namespace {

using transcoder::ActiveFeatures;

std::vector<float> Floats(const at::Tensor& values) {
  const at::Tensor cpu = values.to(at::kCPU, at::kFloat).contiguous();
  return {cpu.const_data_ptr<float>(), cpu.const_data_ptr<float>() + cpu.numel()};
}

std::vector<int64_t> Ints(const at::Tensor& values) {
  const at::Tensor cpu = values.to(at::kCPU, at::kLong).contiguous();
  return {cpu.const_data_ptr<int64_t>(), cpu.const_data_ptr<int64_t>() + cpu.numel()};
}

// Activations by (position, feature) that differ between two encodings of one layer.
void AddDifferences(int layer, const ActiveFeatures& clean, const ActiveFeatures& edited,
                    std::vector<ActivationChange>* changes) {
  std::map<std::pair<int64_t, int64_t>, std::pair<float, float>> values;
  const auto add = [&values](const ActiveFeatures& active, auto member) {
    const std::vector<int64_t> positions = Ints(active.positions);
    const std::vector<int64_t> features = Ints(active.features);
    const std::vector<float> activations = Floats(active.activations);
    for (size_t i = 0; i < positions.size(); ++i) {
      values[{positions[i], features[i]}].*member = activations[i];
    }
  };
  add(clean, &std::pair<float, float>::first);
  add(edited, &std::pair<float, float>::second);
  for (const auto& [place, activation] : values) {
    if (activation.first == activation.second) continue;
    changes->push_back({.layer = layer,
                        .position = static_cast<int32_t>(place.first),
                        .feature = static_cast<int32_t>(place.second),
                        .clean = activation.first,
                        .edited = activation.second});
  }
}

}  // namespace

ActivationReporter::ActivationReporter(const transcoder::TranscoderSet& transcoders,
                                       const attribution::Trace& clean, const Report& report,
                                       std::vector<FeatureAt> listed, int64_t zero_positions)
    : transcoders_(transcoders),
      clean_(clean),
      report_(report),
      listed_(std::move(listed)),
      encoding_{.zero_positions = zero_positions},
      listed_of_layer_(static_cast<size_t>(transcoders.n_layers())) {
  for (size_t i = 0; i < listed_.size(); ++i) {
    ListedOfLayer& layer = listed_of_layer_[static_cast<size_t>(listed_[i].layer)];
    layer.at.places.push_back(listed_[i].position);
    layer.at.features.push_back(listed_[i].feature);
    layer.order.push_back(i);
  }
  for (int layer = 0; layer < transcoders.n_layers(); ++layer) {
    const at::Tensor& x = clean.layers[static_cast<size_t>(layer)].feature_input;
    ListedOfLayer& mine = listed_of_layer_[static_cast<size_t>(layer)];
    if (!mine.order.empty()) {
      mine.clean = ReadFeatures(transcoders, layer, x.unsqueeze(0), mine.at, encoding_);
    }
    if (report.all_changed) {
      clean_active_.push_back(transcoders.Encode(layer, x, zero_positions));
    }
  }
}

void ActivationReporter::Prepare(EditHook* hook) const {
  for (int layer = 0; layer < transcoders_.n_layers(); ++layer) {
    if (report_.all_changed || !listed_of_layer_[static_cast<size_t>(layer)].order.empty()) {
      hook->KeepFeatureInputs(layer);
    }
  }
}

void ActivationReporter::Fill(const EditHook& hook, int64_t n_runs,
                              EditSetOutcome* outcomes) const {
  FillListed(hook, n_runs, outcomes);
  if (!report_.all_changed) return;
  for (int64_t run = 0; run < n_runs; ++run) FillChanged(hook, run, &outcomes[run]);
}

void ActivationReporter::FillListed(const EditHook& hook, int64_t n_runs,
                                    EditSetOutcome* outcomes) const {
  for (int64_t run = 0; run < n_runs; ++run) {
    for (const FeatureAt& feature : listed_) {
      outcomes[run].listed.push_back(
          {.layer = feature.layer, .position = feature.position, .feature = feature.feature});
    }
  }
  for (int layer = 0; layer < transcoders_.n_layers(); ++layer) {
    const ListedOfLayer& mine = listed_of_layer_[static_cast<size_t>(layer)];
    if (mine.order.empty()) continue;
    const at::Tensor& x = hook.feature_input(layer);
    FeaturePlaces of_runs;
    for (int64_t run = 0; run < n_runs; ++run) {
      for (size_t i = 0; i < mine.order.size(); ++i) {
        of_runs.places.push_back(run * x.size(1) + mine.at.places[i]);
        of_runs.features.push_back(mine.at.features[i]);
      }
    }
    const FeatureValues edited = ReadFeatures(transcoders_, layer, x, of_runs, encoding_);
    const std::vector<float> clean_activations = Floats(mine.clean.activations);
    const std::vector<float> clean_pre = Floats(mine.clean.pre_activations);
    const std::vector<float> activations = Floats(edited.activations);
    const std::vector<float> pre = Floats(edited.pre_activations);
    for (size_t i = 0; i < activations.size(); ++i) {
      const size_t entry = i % mine.order.size();
      ActivationChange& change = outcomes[i / mine.order.size()].listed[mine.order[entry]];
      change.clean = clean_activations[entry];
      change.clean_pre_activation = clean_pre[entry];
      change.edited = activations[i];
      change.edited_pre_activation = pre[i];
    }
  }
}

void ActivationReporter::FillChanged(const EditHook& hook, int64_t run,
                                     EditSetOutcome* outcome) const {
  std::vector<ActivationChange>& changes = outcome->changed;
  for (int layer = 0; layer < transcoders_.n_layers(); ++layer) {
    AddDifferences(
        layer, clean_active_[static_cast<size_t>(layer)],
        transcoders_.Encode(layer, hook.feature_input(layer)[run], encoding_.zero_positions),
        &changes);
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const ActivationChange& a, const ActivationChange& b) {
                     return std::abs(a.edited - a.clean) > std::abs(b.edited - b.clean);
                   });
  if (report_.limit > 0 && std::ssize(changes) > report_.limit) {
    changes.resize(static_cast<size_t>(report_.limit));
  }
  AddPreActivations(hook, run, &changes);
}

void ActivationReporter::AddPreActivations(const EditHook& hook, int64_t run,
                                           std::vector<ActivationChange>* changes) const {
  std::vector<std::vector<ActivationChange*>> of_layer(listed_of_layer_.size());
  for (ActivationChange& change : *changes) {
    of_layer[static_cast<size_t>(change.layer)].push_back(&change);
  }
  for (int layer = 0; layer < transcoders_.n_layers(); ++layer) {
    const auto& mine = of_layer[static_cast<size_t>(layer)];
    if (mine.empty()) continue;
    FeaturePlaces at;
    for (const ActivationChange* change : mine) {
      at.places.push_back(change->position);
      at.features.push_back(change->feature);
    }
    const auto pre_activations = [&](const at::Tensor& x) {
      return Floats(ReadPreActivations(transcoders_, layer, x.unsqueeze(0), at));
    };
    const std::vector<float> before =
        pre_activations(clean_.layers[static_cast<size_t>(layer)].feature_input);
    const std::vector<float> after = pre_activations(hook.feature_input(layer)[run]);
    for (size_t i = 0; i < mine.size(); ++i) {
      mine[i]->clean_pre_activation = before[i];
      mine[i]->edited_pre_activation = after[i];
    }
  }
}

}  // namespace cajal::intervention
