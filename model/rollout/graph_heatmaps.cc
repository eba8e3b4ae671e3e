#include "model/rollout/graph_heatmaps.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "model/base/status.h"
#include "model/image/heatmap_mosaic.h"
#include "model/rollout/attention_rollout.h"
#include "model/rollout/token_maps.h"

namespace cajal::rollout {

RolloutRequest GraphHeatmapsRequest(const checkpoint::Gemma3Config& config) {
  RolloutRequest request;
  const auto n_layers = static_cast<int32_t>(config.vision->num_hidden_layers);
  request.settings.last_layers = std::min(request.settings.last_layers, n_layers);
  return request;
}

absl::StatusOr<std::vector<std::string>> GraphHeatmaps(
    const gemma3::Model& model, const std::vector<gemma3::VisionStates>& states,
    RunContext* context) {
  const RolloutSettings settings = GraphHeatmapsRequest(model.config).settings;
  const auto tokens_per_side =
      std::llround(std::sqrt(static_cast<double>(model.config.mm_tokens_per_image)));
  std::vector<std::string> heatmaps;
  for (const gemma3::VisionStates& of_image : states) {
    // A remembered picture may have more blocks than are looked at.
    const auto inputs =
        std::span(of_image.block_inputs).last(static_cast<size_t>(settings.last_layers));
    ASSIGN_OR_RETURN(const PatchRollout rollout,
                     RollOut(model, inputs, settings.head_fraction, context));
    const at::Tensor maps = PoolRows(rollout.matrix, tokens_per_side, settings.pooling)
                                .to(at::kCPU, at::kFloat)
                                .contiguous();
    heatmaps.push_back(image::EncodeHeatmapMosaic(
        {maps.const_data_ptr<float>(), static_cast<size_t>(maps.numel())}, tokens_per_side,
        model.config.vision->patches_per_side()));
  }
  return heatmaps;
}

}  // namespace cajal::rollout
