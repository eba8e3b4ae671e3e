// Many small pictures on one sheet, numbered, and the scale of a colour map.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/image/heatmap.h"
#include "model/image/rgb_image.h"

namespace cajal::image {

struct SheetPicture {
  RgbImage image;
  std::string caption;  // printed above it; ASCII
};

// Row-major with `columns` in a row, each fitted into the largest one's frame, on white. Without
// pictures the sheet is one white pixel.
RgbImage MakeSheet(const std::vector<SheetPicture>& pictures, int64_t columns);

// The picture with a bar below it that shows the colours from "low" to "high".
RgbImage WithLegend(const RgbImage& picture, ColorMap color_map);

// As a PNG file.
std::string EncodePng(const RgbImage& image);

}  // namespace cajal::image
