#include "model/image/heatmap.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "model/base/check.h"

namespace cajal::image {
namespace {

constexpr float kLeastRange = 1e-6F;

int ToInt(int64_t size) { return static_cast<int>(size); }

// OpenCV's number of a colour map that it has.
int OpenCvMap(ColorMap map) {
  switch (map) {
    case ColorMap::kViridis:
      return cv::COLORMAP_VIRIDIS;
    case ColorMap::kInferno:
      return cv::COLORMAP_INFERNO;
    case ColorMap::kMagma:
      return cv::COLORMAP_MAGMA;
    case ColorMap::kCividis:
      return cv::COLORMAP_CIVIDIS;
    case ColorMap::kTurbo:
      return cv::COLORMAP_TURBO;
    case ColorMap::kReleased:
    case ColorMap::kGray:
      break;
  }
  CAJAL_CHECK(false) << "not a map of OpenCV's";
  return 0;
}

// [256, 3], red, green, blue in [0, 1].
std::vector<float> TableOf(ColorMap map) {
  cv::Mat levels(1, 256, CV_8U);
  for (int i = 0; i < 256; ++i) levels.at<uint8_t>(0, i) = static_cast<uint8_t>(i);
  cv::Mat bgr;
  cv::applyColorMap(levels, bgr, OpenCvMap(map));
  std::vector<float> table(256 * 3);
  for (int i = 0; i < 256; ++i) {
    for (int c = 0; c < 3; ++c) {
      table[static_cast<size_t>(3 * i + c)] =
          static_cast<float>(bgr.at<cv::Vec3b>(0, i)[2 - c]) / 255.0F;
    }
  }
  return table;
}

}  // namespace

std::vector<float> NormalizeHeat(std::span<const float> values, double clip_top_percent) {
  CAJAL_CHECK(!values.empty());
  std::vector<float> heat(values.begin(), values.end());
  // The percentile's place among the sorted values, between two of them.
  const double place = (1 - clip_top_percent / 100) * static_cast<double>(heat.size() - 1);
  const auto below = heat.begin() + static_cast<int64_t>(std::floor(place));
  std::nth_element(heat.begin(), below, heat.end());
  const float low = *below;
  const float high = below + 1 == heat.end() ? low : *std::min_element(below + 1, heat.end());
  const auto limit = static_cast<float>(low + (place - std::floor(place)) * (high - low));
  heat.assign(values.begin(), values.end());
  for (float& value : heat) value = std::min(value, limit);
  const auto [least, most] = std::minmax_element(heat.begin(), heat.end());
  const float offset = *least;
  const float range = std::max(*most - offset, kLeastRange);
  for (float& value : heat) value = (value - offset) / range;
  return heat;
}

std::vector<float> EnlargeHeat(std::span<const float> grid, int64_t rows, int64_t columns,
                               int64_t height, int64_t width) {
  CAJAL_CHECK(std::ssize(grid) == rows * columns);
  std::vector<float> heat(static_cast<size_t>(height * width));
  std::vector<float> source(grid.begin(), grid.end());
  const cv::Mat from(ToInt(rows), ToInt(columns), CV_32F, source.data());
  cv::Mat to(ToInt(height), ToInt(width), CV_32F, heat.data());
  cv::resize(from, to, to.size(), 0, 0, cv::INTER_LINEAR);
  return heat;
}

std::vector<float> ColorsOf(std::span<const float> heat, ColorMap color_map) {
  std::vector<float> colors(heat.size() * 3);
  const bool from_table = color_map != ColorMap::kReleased && color_map != ColorMap::kGray;
  const std::vector<float> table = from_table ? TableOf(color_map) : std::vector<float>();
  for (size_t i = 0; i < heat.size(); ++i) {
    const float h = std::clamp(heat[i], 0.0F, 1.0F);
    float* color = &colors[3 * i];
    if (color_map == ColorMap::kGray) {
      std::fill_n(color, 3, h);
    } else if (color_map == ColorMap::kReleased) {
      color[0] = h;
      color[1] = 0.85F * std::sqrt(h);
      color[2] = 0.15F * h * h;
    } else {
      std::copy_n(&table[3 * static_cast<size_t>(std::lround(h * 255))], 3, color);
    }
  }
  return colors;
}

void BlendHeat(std::span<const float> heat, const Box& box, const HeatmapStyle& style,
               RgbImage* photo) {
  CAJAL_CHECK(std::ssize(heat) == box.width * box.height);
  CAJAL_CHECK(box.left + box.width <= photo->width && box.top + box.height <= photo->height);
  const std::vector<float> colors = ColorsOf(heat, style.color_map);
  const auto opacity = static_cast<float>(style.opacity);
  for (int64_t y = 0; y < box.height; ++y) {
    const float* color = &colors[static_cast<size_t>(3 * y * box.width)];
    uint8_t* pixel =
        &photo->pixels[static_cast<size_t>(3 * ((box.top + y) * photo->width + box.left))];
    for (int64_t i = 0; i < 3 * box.width; ++i) {
      const float blended =
          (1 - opacity) * static_cast<float>(pixel[i]) / 255.0F + opacity * color[i];
      pixel[i] = static_cast<uint8_t>(std::clamp(blended, 0.0F, 1.0F) * 255.0F);
    }
  }
}

RgbImage FitInto(const RgbImage& photo, int64_t max_side) {
  const int64_t side = std::max(photo.width, photo.height);
  if (max_side == 0 || side <= max_side) return photo;
  const auto scaled = [&](int64_t length) {
    return std::max<int64_t>(1, (length * max_side + side / 2) / side);
  };
  RgbImage small{scaled(photo.width), scaled(photo.height), {}};
  small.pixels.resize(static_cast<size_t>(3 * small.width * small.height));
  // cv::Mat has no form for what is only read.
  const cv::Mat from(ToInt(photo.height), ToInt(photo.width), CV_8UC3,
                     const_cast<uint8_t*>(photo.pixels.data()));
  cv::Mat to(ToInt(small.height), ToInt(small.width), CV_8UC3, small.pixels.data());
  cv::resize(from, to, to.size(), 0, 0, cv::INTER_AREA);
  return small;
}

Box ScaleBox(const Box& box, int64_t from_width, int64_t from_height, const RgbImage& to) {
  const auto scaled = [](int64_t place, int64_t from, int64_t length) {
    return (place * length + from / 2) / from;
  };
  const int64_t left = std::min(scaled(box.left, from_width, to.width), to.width - 1);
  const int64_t top = std::min(scaled(box.top, from_height, to.height), to.height - 1);
  const int64_t right = scaled(box.left + box.width, from_width, to.width);
  const int64_t bottom = scaled(box.top + box.height, from_height, to.height);
  return {left, top, std::max<int64_t>(1, right - left), std::max<int64_t>(1, bottom - top)};
}

}  // namespace cajal::image
