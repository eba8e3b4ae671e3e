// From a decoded picture to the vision tower's input, as Transformers' Gemma3ImageProcessorPil.
#pragma once

#include <cstdint>
#include <vector>

#include "model/image/preprocessor_config.h"
#include "model/image/rgb_image.h"

namespace cajal::image {

// The crops that pan and scan makes of a picture, row-major; none unless one side is at least
// min_ratio_to_activate times the other and the crops are not too small. The last one of a row or
// column may be smaller.
std::vector<Box> PanAndScanCrops(int64_t width, int64_t height, const PreprocessorConfig& config);

// Resizes the picture, then, with `pan_and_scan`, each of its crops; rescales and normalises.
// Returns 1 + crops arrays [3, image_size, image_size], float32, one after the other.
std::vector<float> Preprocess(const RgbImage& image, const PreprocessorConfig& config,
                              bool pan_and_scan);

}  // namespace cajal::image
