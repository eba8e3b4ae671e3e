// All heatmaps of a picture in one small picture file, as graphs keep them.
//
// Pure function; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace cajal::image {

// maps: [tokens_per_side^2, patches_per_side^2], tokens and patches row-major. Returns a PNG file,
// 8 bits of grey: tokens_per_side^2 square tiles, placed as the tokens are, with a pixel for each
// patch. Each tile has its map's NormalizeHeat, clipped at the 95th percentile, times 255.
std::string EncodeHeatmapMosaic(std::span<const float> maps, int64_t tokens_per_side,
                                int64_t patches_per_side);

}  // namespace cajal::image
