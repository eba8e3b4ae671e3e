#include "model/image/heatmap_sheet.h"

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "model/base/check.h"

namespace cajal::image {
namespace {

constexpr int kGap = 6;             // pixels between pictures
constexpr int kCaptionHeight = 14;  // pixels
constexpr int kLegendHeight = 26;
constexpr int kBarHeight = 10;
constexpr int kLeastLegendWidth = 96;
const cv::Scalar kWhite(255, 255, 255);
const cv::Scalar kInk(40, 40, 40);

cv::Mat ToMat(const RgbImage& image) {
  const cv::Mat view(static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3,
                     const_cast<uint8_t*>(image.pixels.data()));
  return view.clone();
}

RgbImage ToRgbImage(const cv::Mat& mat) {
  CAJAL_CHECK(mat.isContinuous() && mat.type() == CV_8UC3);
  return {mat.cols, mat.rows, {mat.datastart, mat.dataend}};
}

void Write(const std::string& text, int left, int baseline, cv::Mat* mat) {
  cv::putText(*mat, text, {left, baseline}, cv::FONT_HERSHEY_SIMPLEX, 0.36, kInk, 1, cv::LINE_AA);
}

}  // namespace

RgbImage MakeSheet(const std::vector<SheetPicture>& pictures, int64_t columns) {
  CAJAL_CHECK(columns > 0);
  if (pictures.empty()) return {1, 1, {255, 255, 255}};
  int64_t width = 0;
  int64_t height = 0;
  for (const SheetPicture& picture : pictures) {
    width = std::max(width, picture.image.width);
    height = std::max(height, picture.image.height);
  }
  const int64_t rows = (std::ssize(pictures) + columns - 1) / columns;
  const int64_t across = std::min(columns, std::ssize(pictures));
  const int cell_width = static_cast<int>(width) + kGap;
  const int cell_height = static_cast<int>(height) + kGap + kCaptionHeight;
  cv::Mat sheet(static_cast<int>(rows) * cell_height + kGap,
                static_cast<int>(across) * cell_width + kGap, CV_8UC3, kWhite);
  for (size_t i = 0; i < pictures.size(); ++i) {
    const int left = kGap + static_cast<int>(static_cast<int64_t>(i) % columns) * cell_width;
    const int top = kGap + static_cast<int>(static_cast<int64_t>(i) / columns) * cell_height;
    Write(pictures[i].caption, left, top + kCaptionHeight - 4, &sheet);
    const cv::Mat mat = ToMat(pictures[i].image);
    mat.copyTo(sheet(cv::Rect(left, top + kCaptionHeight, mat.cols, mat.rows)));
  }
  return ToRgbImage(sheet);
}

RgbImage WithLegend(const RgbImage& picture, ColorMap color_map) {
  const int width = std::max(static_cast<int>(picture.width), kLeastLegendWidth);
  cv::Mat out(static_cast<int>(picture.height) + kLegendHeight, width, CV_8UC3, kWhite);
  const cv::Mat mat = ToMat(picture);
  mat.copyTo(out(cv::Rect(0, 0, mat.cols, mat.rows)));
  std::vector<float> heat(static_cast<size_t>(width));
  for (size_t i = 0; i < heat.size(); ++i) {
    heat[i] = static_cast<float>(i) / static_cast<float>(heat.size() - 1);
  }
  const std::vector<float> colors = ColorsOf(heat, color_map);
  for (int y = 0; y < kBarHeight; ++y) {
    for (int x = 0; x < width; ++x) {
      const float* color = &colors[3 * static_cast<size_t>(x)];
      auto& pixel = out.at<cv::Vec3b>(mat.rows + 2 + y, x);
      for (int c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>(color[c] * 255);
    }
  }
  const int baseline = mat.rows + kLegendHeight - 3;
  Write("low", 1, baseline, &out);
  Write("high", width - 27, baseline, &out);
  return ToRgbImage(out);
}

std::string EncodePng(const RgbImage& image) {
  cv::Mat bgr;
  cv::cvtColor(ToMat(image), bgr, cv::COLOR_RGB2BGR);
  std::vector<uint8_t> bytes;
  CAJAL_CHECK(cv::imencode(".png", bgr, bytes));
  return {bytes.begin(), bytes.end()};
}

}  // namespace cajal::image
