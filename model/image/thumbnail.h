// A small picture file of what the vision tower saw, for people to look at.
//
// It is made from the tower's input and not from the user's picture: a thumbnail shows what was
// traced, square and cropped as the model got it, so that a grid of the soft tokens fits on it.
// Pure function; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "model/image/preprocessor_config.h"

namespace cajal::image {

inline constexpr int64_t kThumbnailSide = 448;  // pixels; smaller inputs keep their size

// pixels: [3, image_size, image_size], one picture or crop of Preprocess' output. Returns a PNG,
// or a JPEG where the PNG would have more than 32 KiB.
std::string EncodeThumbnail(std::span<const float> pixels, const PreprocessorConfig& config);

}  // namespace cajal::image
