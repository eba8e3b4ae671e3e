// preprocessor_config.json: how a picture becomes the vision tower's input.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "model/base/status.h"
#include "model/checkpoint/config.h"

namespace cajal::image {

// The defaults are Gemma3ImageProcessor's.
struct PreprocessorConfig {
  int64_t image_size = 896;  // pixels per side after resizing
  double rescale_factor = 1.0 / 255;
  std::array<float, 3> mean = {0.5F, 0.5F, 0.5F};
  std::array<float, 3> std = {0.5F, 0.5F, 0.5F};
  // Pan and scan; whether to do it is the prompt's choice, not the file's.
  int64_t min_crop_size = 256;
  int64_t max_num_crops = 4;
  double min_ratio_to_activate = 1.2;
};

// Reads `<dir>/preprocessor_config.json`, or "image_processor" of processor_config.json, where
// newer Transformers keep it; the defaults where there is neither. Refuses what is not computed
// here: other filters than bilinear, steps left out, a size other than the vision tower's. Errors
// name file and key.
absl::StatusOr<PreprocessorConfig> LoadPreprocessorConfig(const std::string& dir,
                                                          const checkpoint::VisionConfig& vision);

}  // namespace cajal::image
