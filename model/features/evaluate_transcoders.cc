#include "model/features/evaluate_transcoders.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <span>

#include "model/attribution/byte_estimate.h"
#include "model/base/status.h"
#include "model/transcoder/reconstruct.h"

namespace cajal::features {

using gemma3::HookPoint;
using gemma3::Recording;
using transcoder::ActiveFeatures;
using transcoder::TranscoderSet;
using transcoder::TranscoderSetInfo;

void EvaluateLayer(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                   const at::Tensor& y, const at::Tensor& modality,
                   ReconstructionStatistics* statistics, EncodedStretches* encoded) {
  const int64_t T = x.size(0);
  const bool is_batch = transcoders.info().activation == transcoder::ActivationKind::kBatchTopK;
  const int64_t at_once = is_batch ? T : kEvaluatedAtOnce;
  size_t i = 0;
  for (int64_t begin = 0; begin < T; begin += at_once, ++i) {
    const int64_t end = std::min(T, begin + at_once);
    const at::Tensor stretch = x.slice(0, begin, end).to(at::kFloat);
    const ActiveFeatures active = transcoders.Encode(layer, stretch, /*zero_positions=*/0);
    if (encoded != nullptr && encoded->size() == i) encoded->emplace_back();
    if (statistics != nullptr) {
      const std::span<const ActiveFeatures> below =
          encoded == nullptr ? std::span<const ActiveFeatures>() : (*encoded)[i];
      statistics->Add(
          {.y = y.slice(0, begin, end),
           .y_hat = transcoder::Reconstruct(transcoders, layer, stretch, active, below).output,
           .modality = modality.slice(0, begin, end)},
          active);
    }
    if (encoded != nullptr) (*encoded)[i].push_back(active);
  }
}

TranscoderEvaluator::TranscoderEvaluator(const gemma3::Model& model,
                                         const TranscoderSet& transcoders, int first_layer,
                                         int last_layer)
    : model_(model), transcoders_(transcoders), first_layer_(first_layer) {
  for (int layer = first_layer; layer <= last_layer; ++layer) {
    statistics_.emplace_back(model.config.text.hidden_size,
                             transcoders.info().features_per_layer[static_cast<size_t>(layer)]);
  }
}

absl::Status TranscoderEvaluator::Add(const gemma3::ModelInput& input, RunContext* context) {
  RETURN_IF_ERROR(context->CheckStop());
  const TranscoderSetInfo& set = transcoders_.info();
  const int end_layer = first_layer_ + static_cast<int>(statistics_.size());
  // Layers below the first one matter where they write to it.
  const bool cross_layer = set.is_cross_layer();
  const int first_encoded = cross_layer ? 0 : first_layer_;
  std::vector<HookPoint> wanted;
  for (int layer = first_encoded; layer < end_layer; ++layer) {
    wanted.push_back({set.input_site, layer});
    if (layer >= first_layer_) wanted.push_back({set.output_site, layer});
  }
  Recording recording(wanted);
  RunContext quiet = context->WithoutProgress();
  RETURN_IF_ERROR(gemma3::RunModel(model_, input, &recording, &quiet).status());

  std::vector<std::pair<int64_t, int64_t>> image_runs;
  for (const gemma3::AttentionLayout::Run& run : input.image_runs) {
    image_runs.emplace_back(run.begin, run.end);
  }
  const at::Tensor modality = ModalityOfPositions(static_cast<int64_t>(input.token_ids.size()),
                                                  image_runs, set.default_zero_positions)
                                  .to(model_.weights.placement.device);
  EncodedStretches encoded;
  for (int layer = first_encoded; layer < end_layer; ++layer) {
    RETURN_IF_ERROR(context->CheckStop());
    const bool is_evaluated = layer >= first_layer_;
    EvaluateLayer(transcoders_, layer, recording.Get(set.input_site, layer),
                  is_evaluated ? recording.Get(set.output_site, layer) : at::Tensor(), modality,
                  is_evaluated ? &statistics_[static_cast<size_t>(layer - first_layer_)] : nullptr,
                  cross_layer ? &encoded : nullptr);
  }
  return absl::OkStatus();
}

std::vector<LayerSums> TranscoderEvaluator::sums() const {
  std::vector<LayerSums> sums;
  for (const ReconstructionStatistics& statistics : statistics_) sums.push_back(statistics.sums());
  return sums;
}

int64_t EstimateEvaluationBytes(const checkpoint::Gemma3Config& config,
                                const TranscoderSetInfo& transcoders, int first_layer,
                                int last_layer, int64_t n_positions, int64_t n_images) {
  constexpr int64_t kFloat = sizeof(float);
  constexpr int64_t kSum = sizeof(double);  // and of a count
  const int64_t d = config.text.hidden_size;
  const int64_t n_layers = last_layer - first_layer + 1;
  const bool is_batch = transcoders.activation == transcoder::ActivationKind::kBatchTopK;
  const int64_t at_once = is_batch ? n_positions : std::min(n_positions, kEvaluatedAtOnce);
  int64_t largest_layer = 0;
  int64_t sums = 0;
  for (int layer = first_layer; layer <= last_layer; ++layer) {
    const int64_t n = transcoders.features_per_layer[static_cast<size_t>(layer)];
    // Pre-activations, activations, and their sorting; the rows of the active features of all
    // layers that write here, gathered and scaled.
    int64_t n_rows = 0;
    for (int writer = 0; writer <= layer; ++writer) {
      if (transcoders.LastWrittenLayer(writer) < layer) continue;
      n_rows += attribution::ActivePerPosition(
          transcoders, transcoders.features_per_layer[static_cast<size_t>(writer)]);
    }
    const int64_t per_position = 4 * n + 2 * n_rows * d;
    // Input, reconstruction with its skip, and the comparison in float64.
    largest_layer = std::max(largest_layer, at_once * kFloat * (per_position + 9 * d));
    sums += 2 * (n + d) * kSum;
  }
  const int64_t n_encoded = transcoders.is_cross_layer() ? last_layer + 1 : n_layers;
  const int64_t recorded = (n_encoded + n_layers) * n_positions * d * kFloat;
  return attribution::EstimateForwardBytes(config, n_positions, n_images) + recorded +
         largest_layer + sums;
}

}  // namespace cajal::features
