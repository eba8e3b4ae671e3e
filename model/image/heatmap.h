// Heatmaps as pictures: from a grid of numbers to colours over a photo.
//
// The steps, their order and their defaults are those of the released SiglipAttentionMapper of
// "Circuit Tracing in Vision-Language Models": clip at a percentile, stretch to [0, 1], enlarge,
// colour, blend. It rounds a map to 8 bits and resizes it once more before it blends; here the
// numbers stay as they are.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/image/rgb_image.h"

namespace cajal::image {

enum class ColorMap {
  kReleased,  // (h, 0.85 sqrt h, 0.15 h^2), the released red and yellow
  kGray,
  kViridis,  // the next ones are perceptually even
  kInferno,
  kMagma,
  kCividis,
  kTurbo,
};

struct HeatmapStyle {
  ColorMap color_map = ColorMap::kReleased;
  double opacity = 0.8;         // of the colours over the photo, everywhere; 0 to 1
  double clip_top_percent = 5;  // larger values count as the (100 - this)th percentile; 0 to 100
};

// values: one map. Clipped, then min-max to [0, 1]; a map that varies by less than 1e-6 becomes
// what is left of it after division by that. The percentile is interpolated as numpy's.
std::vector<float> NormalizeHeat(std::span<const float> values, double clip_top_percent);

// grid: [rows, columns]. Bilinear without aligned corners, as torch's interpolate: pixel centres
// lie at halves. Returns [height, width].
std::vector<float> EnlargeHeat(std::span<const float> grid, int64_t rows, int64_t columns,
                               int64_t height, int64_t width);

// The colour of heat h, 0 to 1: red, green, blue, 0 to 1.
std::vector<float> ColorsOf(std::span<const float> heat, ColorMap color_map);

// Blends a map into the part of the photo that it is of; heat: [box.height, box.width] in [0, 1].
void BlendHeat(std::span<const float> heat, const Box& box, const HeatmapStyle& style,
               RgbImage* photo);

// The photo with its longer side at most `max_side` pixels; 0 = as it is. By areas.
RgbImage FitInto(const RgbImage& photo, int64_t max_side);

// `box` of a picture of from_width x from_height pixels, in one that was resized to `to`.
Box ScaleBox(const Box& box, int64_t from_width, int64_t from_height, const RgbImage& to);

}  // namespace cajal::image
