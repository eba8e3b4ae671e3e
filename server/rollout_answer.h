// What a ComputeRollout job makes: maps, and what pictures are to be made of them.
#pragma once

#include <cstdint>
#include <vector>

#include "model/corpus/prepared_prompt.h"
#include "model/image/heatmap.h"
#include "model/image/rgb_image.h"
#include "model/rollout/rollout_request.h"
#include "model/tokenizer/prompt.h"

namespace cajal::server {

struct HeatmapOptions {
  bool maps = false;   // a picture for each map
  bool sheet = false;  // all maps of an image on one
  image::HeatmapStyle style;
  int32_t max_side = 1024;  // pixels
  bool legend = false;
};

struct RolloutAnswer {
  rollout::RolloutSettings settings;
  rollout::RolloutResult rollout;
  tokenizer::TokenizedPrompt prompt;
  std::vector<corpus::ImageView> views;  // one for each of rollout.images
  HeatmapOptions pictures;
  std::vector<image::RgbImage> photos;  // the user's, at most max_side long; with pictures only
  // One for each of rollout.images, as float16; empty unless asked for.
  std::vector<std::vector<uint16_t>> half_maps;
};

}  // namespace cajal::server
