#include "model/image/heatmap_mosaic.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <vector>

#include "model/base/check.h"
#include "model/image/heatmap.h"

namespace cajal::image {

std::string EncodeHeatmapMosaic(std::span<const float> maps, int64_t tokens_per_side,
                                int64_t patches_per_side) {
  const int64_t n_patches = patches_per_side * patches_per_side;
  const int64_t n_tokens = tokens_per_side * tokens_per_side;
  CAJAL_CHECK(std::ssize(maps) == n_tokens * n_patches);
  const double clip_top_percent = HeatmapStyle().clip_top_percent;
  const auto side = static_cast<int>(tokens_per_side * patches_per_side);
  cv::Mat mosaic(side, side, CV_8U);
  for (int64_t token = 0; token < n_tokens; ++token) {
    const std::vector<float> heat = NormalizeHeat(
        maps.subspan(static_cast<size_t>(token * n_patches), static_cast<size_t>(n_patches)),
        clip_top_percent);
    const auto left = static_cast<int>(token % tokens_per_side * patches_per_side);
    const auto top = static_cast<int>(token / tokens_per_side * patches_per_side);
    for (int y = 0; y < patches_per_side; ++y) {
      for (int x = 0; x < patches_per_side; ++x) {
        const float h = heat[static_cast<size_t>(y * patches_per_side + x)];
        mosaic.at<uint8_t>(top + y, left + x) =
            static_cast<uint8_t>(std::lround(std::clamp(h, 0.0F, 1.0F) * 255));
      }
    }
  }
  std::vector<uint8_t> bytes;
  CAJAL_CHECK(cv::imencode(".png", mosaic, bytes));
  return {bytes.begin(), bytes.end()};
}

}  // namespace cajal::image
