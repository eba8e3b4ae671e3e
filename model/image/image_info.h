// What an image file says of itself, read without decoding a pixel.
//
// This is what keeps a file of a few kilobytes that claims 100 megapixels from being decoded, and a
// file cut short from becoming a picture that is half grey.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/base/status.h"

namespace cajal::image {

enum class ImageFormat { kPng, kJpeg, kWebp };

struct ImageInfo {
  ImageFormat format = ImageFormat::kPng;
  int64_t width = 0;  // as stored, before the orientation is applied
  int64_t height = 0;
  int orientation = 1;  // EXIF's, 1 to 8: how to turn the stored picture upright
};

// Walks the file's chunks, segments or blocks. INVALID_ARGUMENT with the reason IMAGE_FORMAT when
// it is neither PNG nor JPEG nor WebP, IMAGE_UNREADABLE when it is cut short or its structure is
// broken.
absl::StatusOr<ImageInfo> InspectImage(std::string_view bytes);

}  // namespace cajal::image
