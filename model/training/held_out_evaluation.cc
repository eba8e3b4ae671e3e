#include "model/training/held_out_evaluation.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

#include "model/base/status.h"
#include "model/features/evaluate_transcoders.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::training {
namespace {

using transcoder::LayerWeights;
using transcoder::TranscoderSet;
using transcoder::WeightMatrix;

// The trainers' parameters as a set whose layer i is the i-th trainer's.
TranscoderSet SetOf(const LayerTrainers& trainers, at::ScalarType dtype) {
  const auto rounded = [dtype](const at::Tensor& tensor) {
    return tensor.to(dtype).to(at::kFloat);
  };
  transcoder::TranscoderSetInfo info{.activation = transcoder::ActivationKind::kReluTopK,
                                     .k = trainers.front()->settings().k};
  std::vector<LayerWeights> layers;
  for (const auto& trainer : trainers) {
    const TranscoderParameters& parameters = trainer->parameters();
    layers.push_back({.W_enc = WeightMatrix(rounded(parameters.W_enc)),
                      .b_enc = rounded(parameters.b_enc),
                      .b_dec = rounded(parameters.b_dec)});
    layers.back().decoders.push_back({.rows = WeightMatrix(rounded(parameters.W_dec))});
    if (parameters.W_skip.defined()) {
      layers.back().skip = rounded(parameters.W_skip).transpose(0, 1);
    }
  }
  return {std::move(info), std::move(layers)};
}

// Adds the tokens of one folder to the statistics. `on_document` hears how many documents are done.
absl::Status AddFolder(const gemma3::Model& model, const HeldOutData& data,
                       const corpus::DataFolder& folder, const HarvestSettings& harvest,
                       const TranscoderSet& set,
                       std::vector<features::ReconstructionStatistics>* statistics,
                       const std::function<void(int64_t)>& on_document, RunContext* context) {
  corpus::FolderSequences sequences(&folder, data.files, {.context = data.context});
  int64_t left =
      data.max_tokens_of_each > 0 ? data.max_tokens_of_each : std::numeric_limits<int64_t>::max();
  while (left > 0) {
    RETURN_IF_ERROR(context->CheckStop());
    auto sequence = sequences.Next();
    if (!sequence.ok()) return sequence.status();
    if (!sequence->has_value()) break;
    ASSIGN_OR_RETURN(const TokenActivations tokens, Harvest(model, **sequence, harvest, context));
    const int64_t n = std::min(left, tokens.n_tokens());
    left -= n;
    const at::Tensor modality = tokens.modality.slice(0, 0, n).to(model.weights.placement.device);
    for (size_t i = 0; i < statistics->size(); ++i) {
      features::EvaluateLayer(set, static_cast<int>(i), tokens.inputs[i].slice(0, 0, n),
                              tokens.outputs[i].slice(0, 0, n), modality, &(*statistics)[i]);
    }
    on_document(sequences.cursor().document);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<features::LayerSums>> EvaluateHeldOut(
    const gemma3::Model& model, const HeldOutData& data, const HarvestSettings& harvest,
    const LayerTrainers& trainers, at::ScalarType dtype, RunContext* context) {
  const c10::InferenceMode no_autograd;
  const TranscoderSet set = SetOf(trainers, dtype);
  std::vector<features::ReconstructionStatistics> statistics;
  for (const int64_t n_features : set.info().features_per_layer) {
    statistics.emplace_back(model.config.text.hidden_size, n_features);
  }
  int64_t n_documents = 0;
  for (const corpus::DataFolder& folder : data.folders) n_documents += folder.n_documents();
  context->BeginPhase("evaluate", n_documents);
  RunContext quiet = context->WithoutProgress();
  int64_t before = 0;
  for (const corpus::DataFolder& folder : data.folders) {
    RETURN_IF_ERROR(AddFolder(
        model, data, folder, harvest, set, &statistics,
        [&](int64_t done) { context->Advance(before + done); }, &quiet));
    before += folder.n_documents();
  }
  std::vector<features::LayerSums> sums;
  sums.reserve(statistics.size());
  for (const features::ReconstructionStatistics& layer : statistics) sums.push_back(layer.sums());
  return sums;
}

}  // namespace cajal::training
