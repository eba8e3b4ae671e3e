// Resizing with the antialiased bilinear filter of Pillow 13, bit for bit.
//
// Releases before 13 run the two passes always in the same order, so that tall pictures differ by
// one in some channels.
//
// OpenCV cannot do this: its linear filter samples two by two pixels and aliases when it shrinks.
#pragma once

#include <cstdint>

#include "model/image/rgb_image.h"

namespace cajal::image {

// Image.resize((width, height), Image.BILINEAR) of the part of `source` inside `box`, which lies
// within it. Costs about box.height * width * (2 * box.width / width + 1) multiplications, and the
// same for the other axis.
RgbImage ResizeBilinear(const RgbImage& source, const Box& box, int64_t width, int64_t height);

}  // namespace cajal::image
