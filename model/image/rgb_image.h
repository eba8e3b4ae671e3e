// A decoded picture: 8 bits per channel, red, green, blue, rows from the top, without padding.
#pragma once

#include <cstdint>
#include <vector>

namespace cajal::image {

struct RgbImage {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> pixels;  // [height, width, 3]
};

// A rectangle of a picture, in pixels.
struct Box {
  int64_t left = 0;
  int64_t top = 0;
  int64_t width = 0;
  int64_t height = 0;
};

}  // namespace cajal::image
