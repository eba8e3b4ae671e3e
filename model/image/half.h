// Numbers in half the room.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace cajal::image {

// IEEE 754 binary16, rounded to nearest even.
std::vector<uint16_t> ToHalf(std::span<const float> values);

}  // namespace cajal::image
