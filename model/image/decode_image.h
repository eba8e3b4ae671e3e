// From the bytes of a PNG, JPEG or WebP file to pixels, as Pillow and Transformers' file loader see
// them.
//
// Equal to ImageOps.exif_transpose(Image.open(…)).convert("RGB"): the EXIF orientation is applied;
// alpha is dropped, not blended; grey is replicated; palettes are looked up; of 16-bit colours the
// high byte is taken, while 16-bit grey is cut at 255. Two things differ: an animated WebP is
// refused instead of its first frame being shown, and the channels of a CMYK JPEG may differ by up
// to 2.
//
// Any thread may call it; OpenCV, which decodes, is told once to use no threads of its own.
#pragma once

#include <cstdint>
#include <string>

#include "model/base/status.h"
#include "model/image/rgb_image.h"

namespace cajal::image {

// INVALID_ARGUMENT with a reason: IMAGE_FORMAT; IMAGE_TOO_LARGE, with both numbers, decided by the
// file's header before anything is decoded; IMAGE_UNREADABLE. The caller adds the field.
absl::StatusOr<RgbImage> DecodeImage(const std::string& bytes, int64_t max_pixels);

}  // namespace cajal::image
