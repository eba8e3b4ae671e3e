#include "model/image/thumbnail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "model/image/decode_image.h"
#include "model/image/image_info.h"
#include "model/image/preprocess.h"

namespace cajal::image {
namespace {

// Red grows to the right, green downwards, blue is a fixed value; `noise` is added to all.
RgbImage Gradient(int64_t side, int noise) {
  RgbImage image{side, side, {}};
  uint32_t state = 1;
  for (int64_t y = 0; y < side; ++y) {
    for (int64_t x = 0; x < side; ++x) {
      state = state * 1664525 + 1013904223;
      const int64_t shift = noise == 0 ? 0 : (state >> 16) % noise;
      for (const int64_t value : {x * 200 / side + shift, y * 200 / side + shift, 100 + shift}) {
        image.pixels.push_back(static_cast<uint8_t>(value));
      }
    }
  }
  return image;
}

RgbImage ThumbnailOf(const RgbImage& image, ImageFormat expected) {
  PreprocessorConfig config;
  config.image_size = image.width;
  const std::string file = EncodeThumbnail(Preprocess(image, config, false), config);
  EXPECT_EQ(InspectImage(file)->format, expected);
  return *DecodeImage(file, 1'000'000);
}

TEST(ThumbnailTest, OfASmallPictureIsThePictureItself) {
  const RgbImage image = Gradient(64, 0);
  const RgbImage thumbnail = ThumbnailOf(image, ImageFormat::kPng);
  EXPECT_EQ(thumbnail.width, 64);
  EXPECT_EQ(thumbnail.pixels, image.pixels);
}

TEST(ThumbnailTest, OfALargePictureIsSmallerAndLooksTheSame) {
  const RgbImage thumbnail = ThumbnailOf(Gradient(896, 50), ImageFormat::kJpeg);
  ASSERT_EQ(thumbnail.width, 448);
  ASSERT_EQ(thumbnail.height, 448);
  // Away from the border, blocks of 32 x 32 have the gradient's mean, half the noise included.
  for (const int64_t top : {64, 224, 352}) {
    for (const int64_t left : {64, 224, 352}) {
      double red = 0, green = 0, blue = 0;
      for (int64_t y = top; y < top + 32; ++y) {
        for (int64_t x = left; x < left + 32; ++x) {
          const uint8_t* pixel = &thumbnail.pixels[3 * (y * 448 + x)];
          red += pixel[0] / 1024.0;
          green += pixel[1] / 1024.0;
          blue += pixel[2] / 1024.0;
        }
      }
      EXPECT_NEAR(red, (left + 16) * 200.0 / 448 + 24.5, 3);
      EXPECT_NEAR(green, (top + 16) * 200.0 / 448 + 24.5, 3);
      EXPECT_NEAR(blue, 124.5, 3);
    }
  }
}

}  // namespace
}  // namespace cajal::image
