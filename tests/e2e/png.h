// PNG files that no picture library would write.
#pragma once

#include <cstdint>
#include <string>

namespace cajal::e2e {

// A grey PNG that says it has these sides but holds no pixels.
std::string PngHeaderAlone(uint32_t width, uint32_t height);

// A black one-bit PNG with all its pixels: 100 megapixels take some 12 kB.
std::string BlackPng(uint32_t width, uint32_t height);

}  // namespace cajal::e2e
