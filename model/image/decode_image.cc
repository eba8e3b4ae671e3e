#include "model/image/decode_image.h"

#include <algorithm>
#include <exception>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/strings/str_cat.h"
#include "model/image/image_info.h"

namespace cajal::image {
namespace {

absl::Status Unreadable(const std::string& what) {
  return WithReason(absl::InvalidArgumentError(what), "IMAGE_UNREADABLE");
}

void PrepareOpenCvOnce() {
  static const bool done = [] {
    cv::setNumThreads(1);
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    return true;
  }();
  static_cast<void>(done);
}

// To 8 bits, as Pillow opens 16-bit files: grey keeps its values, and those above 255 become 255
// (mode I;16), while colours keep their high byte.
cv::Mat To8Bits(const cv::Mat& stored) {
  if (stored.depth() == CV_8U) return stored;
  cv::Mat result;
  if (stored.channels() == 1) {
    stored.convertTo(result, CV_8U);
    return result;
  }
  result.create(stored.rows, stored.cols, CV_MAKETYPE(CV_8U, stored.channels()));
  for (int y = 0; y < stored.rows; ++y) {
    const auto* from = stored.ptr<uint16_t>(y);
    std::transform(from, from + stored.cols * stored.channels(), result.ptr<uint8_t>(y),
                   [](uint16_t value) { return static_cast<uint8_t>(value >> 8); });
  }
  return result;
}

cv::Mat ToRgb(const cv::Mat& stored) {
  cv::Mat rgb;
  cv::cvtColor(stored, rgb,
               stored.channels() == 1   ? cv::COLOR_GRAY2RGB
               : stored.channels() == 3 ? cv::COLOR_BGR2RGB
                                        : cv::COLOR_BGRA2RGB);
  return rgb;
}

// Turns the stored picture upright. EXIF numbers the eight ways; the names are those of Pillow.
cv::Mat Upright(const cv::Mat& stored, int orientation) {
  cv::Mat result;
  switch (orientation) {
    case 2:
      cv::flip(stored, result, 1);  // left and right change places
      return result;
    case 3:
      cv::rotate(stored, result, cv::ROTATE_180);
      return result;
    case 4:
      cv::flip(stored, result, 0);  // top and bottom change places
      return result;
    case 5:
      cv::transpose(stored, result);
      return result;
    case 6:
      cv::rotate(stored, result, cv::ROTATE_90_CLOCKWISE);
      return result;
    case 7:  // transposed at the other diagonal
      cv::transpose(stored, result);
      cv::rotate(result, result, cv::ROTATE_180);
      return result;
    case 8:
      cv::rotate(stored, result, cv::ROTATE_90_COUNTERCLOCKWISE);
      return result;
    default:
      return stored;
  }
}

}  // namespace

absl::StatusOr<RgbImage> DecodeImage(const std::string& bytes, int64_t max_pixels) {
  PrepareOpenCvOnce();
  ASSIGN_OR_RETURN(const ImageInfo info, InspectImage(bytes));
  if (info.width > max_pixels / info.height) {
    return WithReason(absl::InvalidArgumentError(absl::StrCat("has ", info.width, " x ",
                                                              info.height, " pixels; at most ",
                                                              max_pixels, " in all are admitted")),
                      "IMAGE_TOO_LARGE");
  }
  try {
    const cv::Mat raw(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
    const cv::Mat stored = cv::imdecode(raw, cv::IMREAD_UNCHANGED);
    if (stored.rows != info.height || stored.cols != info.width ||
        (stored.depth() != CV_8U && stored.depth() != CV_16U)) {
      return Unreadable("the file's picture data cannot be decoded");
    }
    cv::Mat rgb = Upright(ToRgb(To8Bits(stored)), info.orientation);
    if (!rgb.isContinuous()) rgb = rgb.clone();
    return RgbImage{rgb.cols, rgb.rows, {rgb.data, rgb.data + rgb.total() * 3}};
  } catch (const std::exception& error) {  // cv::Exception, std::bad_alloc
    return Unreadable(absl::StrCat("the file's picture data cannot be decoded: ", error.what()));
  }
}

}  // namespace cajal::image
