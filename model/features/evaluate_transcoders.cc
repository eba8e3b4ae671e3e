#include "model/features/evaluate_transcoders.h"

#include <ATen/ATen.h>

#include <algorithm>

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
                   ReconstructionStatistics* statistics) {
  const int64_t T = x.size(0);
  for (int64_t begin = 0; begin < T; begin += kEvaluatedAtOnce) {
    const int64_t end = std::min(T, begin + kEvaluatedAtOnce);
    const at::Tensor stretch = x.slice(0, begin, end).to(at::kFloat);
    const ActiveFeatures active = transcoders.Encode(layer, stretch, /*zero_positions=*/0);
    statistics->Add({.y = y.slice(0, begin, end),
                     .y_hat = transcoder::Reconstruct(transcoders, layer, stretch, active).output,
                     .modality = modality.slice(0, begin, end)},
                    active);
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
  std::vector<HookPoint> wanted;
  for (int layer = first_layer_; layer < end_layer; ++layer) {
    wanted.push_back({set.input_site, layer});
    wanted.push_back({set.output_site, layer});
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
  for (int layer = first_layer_; layer < end_layer; ++layer) {
    RETURN_IF_ERROR(context->CheckStop());
    EvaluateLayer(transcoders_, layer, recording.Get(set.input_site, layer),
                  recording.Get(set.output_site, layer), modality,
                  &statistics_[static_cast<size_t>(layer - first_layer_)]);
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
  const int64_t at_once = std::min(n_positions, kEvaluatedAtOnce);
  int64_t largest_layer = 0;
  int64_t sums = 0;
  for (int layer = first_layer; layer <= last_layer; ++layer) {
    const int64_t n = transcoders.features_per_layer[static_cast<size_t>(layer)];
    // Pre-activations, activations, and their sorting; the rows of active features, gathered and
    // scaled.
    const int64_t per_position = 4 * n + 2 * attribution::ActivePerPosition(transcoders, n) * d;
    // Input, reconstruction with its skip, and the comparison in float64.
    largest_layer = std::max(largest_layer, at_once * kFloat * (per_position + 9 * d));
    sums += 2 * (n + d) * kSum;
  }
  const int64_t recorded = 2 * n_layers * n_positions * d * kFloat;
  return attribution::EstimateForwardBytes(config, n_positions, n_images) + recorded +
         largest_layer + sums;
}

}  // namespace cajal::features
