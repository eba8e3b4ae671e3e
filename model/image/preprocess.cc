#include "model/image/preprocess.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "model/image/resize.h"

namespace cajal::image {
namespace {

// How many crops the longer side is cut into.
int64_t NumberOfCrops(int64_t longer, int64_t shorter, const PreprocessorConfig& config) {
  const double ratio = static_cast<double>(longer) / static_cast<double>(shorter);
  const auto wanted = static_cast<int64_t>(std::floor(ratio + 0.5));
  const int64_t possible = std::min(longer / config.min_crop_size, wanted);
  return std::min(config.max_num_crops, std::max<int64_t>(2, possible));
}

// Appends [3, side, side] to `output`.
void AppendNormalized(const RgbImage& image, const PreprocessorConfig& config,
                      std::vector<float>& output) {
  for (size_t c = 0; c < 3; ++c) {
    // The steps round as the processor's do: the product in double, then all in float.
    std::array<float, 256> table;
    for (size_t u = 0; u < table.size(); ++u) {
      const auto rescaled = static_cast<float>(static_cast<double>(u) * config.rescale_factor);
      table[u] = (rescaled - config.mean[c]) / config.std[c];
    }
    for (size_t i = c; i < image.pixels.size(); i += 3) output.push_back(table[image.pixels[i]]);
  }
}

}  // namespace

std::vector<Box> PanAndScanCrops(int64_t width, int64_t height, const PreprocessorConfig& config) {
  const int64_t longer = std::max(width, height);
  const int64_t shorter = std::min(width, height);
  if (static_cast<double>(longer) / static_cast<double>(shorter) < config.min_ratio_to_activate) {
    return {};
  }
  const int64_t n = NumberOfCrops(longer, shorter, config);
  const int64_t step = (longer + n - 1) / n;
  if (std::min(step, shorter) < config.min_crop_size) return {};
  std::vector<Box> crops;
  for (int64_t at = 0; at < longer; at += step) {
    const int64_t length = std::min(step, longer - at);
    crops.push_back(width >= height ? Box{at, 0, length, height} : Box{0, at, width, length});
  }
  return crops;
}

std::vector<float> Preprocess(const RgbImage& image, const PreprocessorConfig& config,
                              bool pan_and_scan) {
  std::vector<Box> boxes = {{0, 0, image.width, image.height}};
  if (pan_and_scan) {
    const std::vector<Box> crops = PanAndScanCrops(image.width, image.height, config);
    boxes.insert(boxes.end(), crops.begin(), crops.end());
  }
  std::vector<float> output;
  const auto side = static_cast<size_t>(config.image_size);
  output.reserve(boxes.size() * 3 * side * side);
  for (const Box& box : boxes) {
    AppendNormalized(ResizeBilinear(image, box, config.image_size, config.image_size), config,
                     output);
  }
  return output;
}

}  // namespace cajal::image
