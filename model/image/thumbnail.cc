#include "model/image/thumbnail.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "model/base/check.h"
#include "model/image/resize.h"
#include "model/image/rgb_image.h"

namespace cajal::image {
namespace {

constexpr size_t kMostPngBytes = 32 << 10;
constexpr int kJpegQuality = 90;

// Undoes Preprocess' normalisation.
RgbImage ToRgbImage(std::span<const float> pixels, const PreprocessorConfig& config) {
  const int64_t side = config.image_size;
  const auto area = static_cast<size_t>(side * side);
  CAJAL_CHECK(pixels.size() == 3 * area);
  RgbImage image{side, side, std::vector<uint8_t>(3 * area)};
  for (size_t c = 0; c < 3; ++c) {
    for (size_t i = 0; i < area; ++i) {
      const double rescaled =
          static_cast<double>(pixels[c * area + i]) * config.std[c] + config.mean[c];
      const double value = std::round(rescaled / config.rescale_factor);
      image.pixels[3 * i + c] = static_cast<uint8_t>(std::clamp(value, 0.0, 255.0));
    }
  }
  return image;
}

std::string Encode(const char* extension, const cv::Mat& bgr, const std::vector<int>& options) {
  std::vector<uint8_t> bytes;
  CAJAL_CHECK(cv::imencode(extension, bgr, bytes, options));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::string EncodeThumbnail(std::span<const float> pixels, const PreprocessorConfig& config) {
  RgbImage image = ToRgbImage(pixels, config);
  if (image.width > kThumbnailSide) {
    image =
        ResizeBilinear(image, {0, 0, image.width, image.height}, kThumbnailSide, kThumbnailSide);
  }
  const cv::Mat rgb(static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3,
                    image.pixels.data());
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  std::string png = Encode(".png", bgr, {});
  if (png.size() <= kMostPngBytes) return png;
  return Encode(".jpg", bgr, {cv::IMWRITE_JPEG_QUALITY, kJpegQuality});
}

}  // namespace cajal::image
