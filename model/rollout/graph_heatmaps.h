// The heatmaps that a graph keeps of its pictures, so that its page can show where an image token
// looks: attention rollout by the recipe's defaults, over as many of the last four layers as the
// tower has.
//
// The executor's thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/checkpoint/config.h"
#include "model/gemma3/model.h"
#include "model/gemma3/vision_encoder.h"
#include "model/rollout/rollout_request.h"

namespace cajal::rollout {

// What these heatmaps would be as a request; `config` has vision.
RolloutRequest GraphHeatmapsRequest(const checkpoint::Gemma3Config& config);

// states: of each picture, with the inputs of at least the request's last layers. Returns for each
// a file of image/heatmap_mosaic.h. Reports the phase "rollout".
absl::StatusOr<std::vector<std::string>> GraphHeatmaps(
    const gemma3::Model& model, const std::vector<gemma3::VisionStates>& states,
    RunContext* context);

}  // namespace cajal::rollout
