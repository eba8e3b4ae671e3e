#include "model/image/half.h"

#include <opencv2/core.hpp>

namespace cajal::image {

std::vector<uint16_t> ToHalf(std::span<const float> values) {
  std::vector<uint16_t> halves(values.size());
  if (values.empty()) return halves;
  // cv::Mat has no form for what is only read.
  const cv::Mat from(1, static_cast<int>(values.size()), CV_32F, const_cast<float*>(values.data()));
  cv::Mat to(1, static_cast<int>(values.size()), CV_16S, halves.data());
  cv::convertFp16(from, to);
  return halves;
}

}  // namespace cajal::image
