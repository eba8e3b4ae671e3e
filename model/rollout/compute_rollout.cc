#include "model/rollout/compute_rollout.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/status.h"
#include "model/gemma3/host_to_device.h"
#include "model/gemma3/vision_attention.h"
#include "model/rollout/attention_rollout.h"
#include "model/rollout/rollout_check.h"
#include "model/rollout/token_maps.h"

namespace cajal::rollout {
namespace {

using gemma3::ModelInput;
using gemma3::VisionStates;

std::vector<float> ToVector(const at::Tensor& tensor) {
  const at::Tensor cpu = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* values = cpu.const_data_ptr<float>();
  return {values, values + cpu.numel()};
}

int64_t TokensPerSide(const checkpoint::Gemma3Config& config) {
  return std::llround(std::sqrt(static_cast<double>(config.mm_tokens_per_image)));
}

// How many of the tower's last blocks a request looks into.
int BlocksNeeded(const checkpoint::Gemma3Config& config, const RolloutSettings& settings) {
  switch (settings.method) {
    case Method::kRollout:
      return settings.last_layers;
    case Method::kAttention:
      return static_cast<int>(config.vision->num_hidden_layers) - AttentionLayer(config, settings);
    case Method::kSimilarity:
      return 0;
  }
  return 0;
}

// [P, P], and the heads of a rollout.
absl::StatusOr<PatchRollout> PatchMatrix(const gemma3::Model& model, const VisionStates& states,
                                         const RolloutSettings& settings, RunContext* context) {
  // A remembered picture may have more blocks than asked for.
  const auto needed = static_cast<size_t>(BlocksNeeded(model.config, settings));
  const auto inputs = std::span(states.block_inputs).last(needed);
  switch (settings.method) {
    case Method::kRollout:
      return RollOut(model, inputs, settings.head_fraction, context);
    case Method::kAttention:
      return PatchRollout{
          HeadPattern(model, AttentionLayer(model.config, settings), settings.head, inputs.front()),
          {}};
    case Method::kSimilarity:
      return PatchRollout{Similarity(states.out), {}};
  }
  return absl::InternalError("unknown method");
}

// Activations of a feature at every position of the prompt.
absl::StatusOr<std::vector<double>> ActivationsOf(const gemma3::Model& model,
                                                  const transcoder::TranscoderSet& transcoders,
                                                  const ModelInput& input,
                                                  const FeatureOfLayer& feature,
                                                  RunContext* context) {
  const gemma3::HookSite site = transcoders.info().input_site;
  gemma3::Recording recording({{site, feature.layer}});
  RETURN_IF_ERROR(gemma3::RunModel(model, input, &recording, context).status());
  const transcoder::ActiveFeatures active =
      transcoders.Encode(feature.layer, recording.Get(site, feature.layer).to(at::kFloat),
                         transcoders.info().default_zero_positions);
  const at::Tensor here = active.features.eq(feature.index);
  const at::Tensor positions = active.positions.masked_select(here).to(at::kCPU);
  const at::Tensor values = active.activations.masked_select(here).to(at::kCPU, at::kDouble);
  std::vector<double> activations(input.token_ids.size(), 0.0);
  for (int64_t i = 0; i < positions.size(0); ++i) {
    // TopK sets may keep negative ones: these do not look at anything.
    activations[static_cast<size_t>(positions[i].item<int64_t>())] =
        std::max(values[i].item<double>(), 0.0);
  }
  return activations;
}

// [P, P] becomes what the request asks of one picture.
void FillMaps(const at::Tensor& matrix, int64_t tokens_per_side, const RolloutRequest& request,
              std::span<const double> weights, ImageMaps* maps) {
  if (request.return_matrix) maps->matrix = ToVector(matrix);
  const at::Tensor pooled = PoolRows(matrix, tokens_per_side, request.settings.pooling);
  if (!maps->tokens.empty()) {
    const std::vector<int64_t> rows(maps->tokens.begin(), maps->tokens.end());
    maps->maps = ToVector(pooled.index_select(0, gemma3::ToDevice(rows, pooled.device())));
  }
  if (weights.empty()) return;
  maps->weight = std::accumulate(weights.begin(), weights.end(), 0.0);
  maps->mean_map = maps->weight > 0 ? ToVector(WeightedMean(pooled, weights))
                                    : std::vector<float>(static_cast<size_t>(pooled.size(1)), 0.0F);
}

}  // namespace

absl::StatusOr<RolloutResult> ComputeRollout(const gemma3::Model& model,
                                             const transcoder::TranscoderSet& transcoders,
                                             const tokenizer::TokenizedPrompt& prompt,
                                             ModelInput input, const RolloutRequest& request,
                                             gemma3::VisionEncoder* encoder, RunContext* context) {
  const checkpoint::Gemma3Config& config = model.config;
  ASSIGN_OR_RETURN(const std::vector<VisionStates> states,
                   encoder->Encode(input.pixels, BlocksNeeded(config, request.settings), context));
  std::vector<double> weights = request.weights;
  if (request.feature.has_value()) {
    input.image_tokens = gemma3::ImageTokens(model, states);
    ASSIGN_OR_RETURN(weights, ActivationsOf(model, transcoders, input, *request.feature, context));
  }
  const std::vector<std::vector<int32_t>> tokens = TokensAskedFor(prompt, request);
  RolloutResult result{.patches_per_side = static_cast<int32_t>(config.vision->patches_per_side()),
                       .tokens_per_side = static_cast<int32_t>(TokensPerSide(config))};
  double total_weight = 0;
  for (size_t i = 0; i < states.size(); ++i) {
    const tokenizer::ImageSpan& span = prompt.image_spans[i];
    ImageMaps maps{
        .image = span.image, .crop = span.crop, .begin = span.begin, .tokens = tokens[i]};
    const auto of_span = weights.empty() ? std::span<const double>()
                                         : std::span<const double>(weights).subspan(
                                               static_cast<size_t>(span.begin),
                                               static_cast<size_t>(span.end - span.begin));
    if (!tokens[i].empty() || !weights.empty() || request.return_matrix) {
      ASSIGN_OR_RETURN(PatchRollout rollout,
                       PatchMatrix(model, states[i], request.settings, context));
      FillMaps(rollout.matrix, result.tokens_per_side, request, of_span, &maps);
      maps.layers = std::move(rollout.layers);
    }
    total_weight += maps.weight;
    result.images.push_back(std::move(maps));
  }
  if (request.feature.has_value() && total_weight == 0) {
    return InvalidField("feature", "FEATURE_NOT_ACTIVE",
                        absl::StrCat("feature ", request.feature->index, " of layer ",
                                     request.feature->layer, " is active at no image token"));
  }
  return result;
}

int64_t EstimateBytes(const gemma3::Model& model, int64_t n_images, const RolloutRequest& request) {
  const checkpoint::VisionConfig& vision = *model.config.vision;
  const int64_t patches = vision.patches_per_side() * vision.patches_per_side();
  const int64_t tokens = model.config.mm_tokens_per_image;
  const int64_t tile = std::min(patches, gemma3::VisionAttention::kTile);
  // Of one picture at a time: the matrix before and after a layer, its norm, queries and keys, and
  // tiles on their way.
  const int64_t at_once = 2 * patches * patches + 4 * patches * vision.hidden_size +
                          4 * tile * patches + 2 * tokens * patches;
  // Of all pictures: what is sent.
  const int64_t sent = tokens * patches + patches + (request.return_matrix ? patches * patches : 0);
  return (at_once + n_images * sent) * static_cast<int64_t>(sizeof(float)) +
         gemma3::EncodedBytes(model, n_images, BlocksNeeded(model.config, request.settings));
}

}  // namespace cajal::rollout
