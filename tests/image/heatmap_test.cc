#include "model/image/heatmap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "model/checkpoint/safetensors.h"
#include "model/image/decode_image.h"
#include "model/image/heatmap_sheet.h"
#include "tests/support/status_matchers.h"

namespace cajal::image {
namespace {

using testing::IsOk;

// The maps of the golden rollouts as numpy and torch make pictures of them
// (tests/golden/scripts/make_rollout.py), 4 x 4 patches enlarged to each picture's size.
TEST(Heatmap, ClipsStretchesAndEnlargesAsTheReference) {
  for (const std::string name : {"one_image", "two_images_chat"}) {
    const auto file =
        checkpoint::SafetensorsFile::Open("golden/rollout/rollout_" + name + ".safetensors");
    ASSERT_THAT(file, IsOk());
    for (const std::string image : {"0", "1"}) {
      const checkpoint::TensorView* pooled = (*file)->Find(image + ".pooled");
      const checkpoint::TensorView* expected = (*file)->Find(image + ".maps_u8");
      if (pooled == nullptr) continue;
      const int64_t height = expected->shape[1];
      const int64_t width = expected->shape[2];
      for (int64_t token = 0; token < 4; ++token) {
        std::vector<float> grid(16);
        std::memcpy(grid.data(), pooled->data + token * 64, 64);
        const std::vector<float> heat = EnlargeHeat(NormalizeHeat(grid, 5), 4, 4, height, width);
        int64_t n_different = 0;
        for (int64_t i = 0; i < height * width; ++i) {
          const auto reference =
              static_cast<uint8_t>(expected->data[static_cast<size_t>(token * height * width + i)]);
          const double value = heat[static_cast<size_t>(i)] * 255.0;
          ASSERT_NEAR(value, reference, 1.01) << name << " " << image << " " << i;
          // Truncation may fall on either side of a whole number.
          if (static_cast<int>(std::clamp(value, 0.0, 255.0)) != reference) ++n_different;
        }
        EXPECT_LE(n_different, height * width / 100) << name << " " << image << " " << token;
      }
    }
  }
}

TEST(NormalizeHeat, InterpolatesThePercentileAndCutsWhatIsAbove) {
  // Of 0 … 4 the 90th percentile is 3.6.
  const std::vector<float> heat = NormalizeHeat(std::vector<float>{4, 0, 3, 1, 2}, 10);
  const std::vector<double> expected = {1, 0, 3 / 3.6, 1 / 3.6, 2 / 3.6};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(heat[i], expected[i], 1e-6);
  EXPECT_EQ(NormalizeHeat(std::vector<float>{4, 0, 2}, 0), (std::vector<float>{1, 0, 0.5}));
}

TEST(NormalizeHeat, LeavesAMapWithoutVariationCold) {
  EXPECT_EQ(NormalizeHeat(std::vector<float>(9, 0.25F), 5), std::vector<float>(9, 0.0F));
  EXPECT_EQ(NormalizeHeat(std::vector<float>{7}, 5), std::vector<float>{0});
}

TEST(EnlargeHeat, PutsPixelCentresAtHalves) {
  // Two columns, four pixels: centres at 0.25, 0.75, 1.25, 1.75 of the columns' 0.5 and 1.5.
  EXPECT_EQ(EnlargeHeat(std::vector<float>{0, 1}, 1, 2, 1, 4),
            (std::vector<float>{0, 0.25, 0.75, 1}));
}

TEST(ColorsOf, FollowsTheReleasedRule) {
  const std::vector<float> colors = ColorsOf(std::vector<float>{0.25F, 1}, ColorMap::kReleased);
  const std::vector<double> expected = {0.25, 0.85 * 0.5, 0.15 / 16, 1, 0.85, 0.15};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(colors[i], expected[i], 1e-6);
}

TEST(ColorsOf, HasTheEndsOfThePerceptualMaps) {
  // Viridis, as published: dark violet (68, 1, 84) to yellow (253, 231, 37).
  const std::vector<float> colors = ColorsOf(std::vector<float>{0, 1}, ColorMap::kViridis);
  const std::vector<int> expected = {68, 1, 84, 253, 231, 37};
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(colors[i] * 255, expected[i], 2);
  EXPECT_EQ(ColorsOf(std::vector<float>{0.5F}, ColorMap::kGray),
            (std::vector<float>{0.5F, 0.5F, 0.5F}));
}

TEST(BlendHeat, ColoursThePartOfThePhotoThatTheMapIsOf) {
  RgbImage photo{3, 2, std::vector<uint8_t>(18, 200)};
  const HeatmapStyle style{.color_map = ColorMap::kGray, .opacity = 0.5};
  BlendHeat(std::vector<float>{0, 1}, {.left = 1, .top = 1, .width = 2, .height = 1}, style,
            &photo);
  EXPECT_EQ(photo.pixels[0], 200);               // first row: untouched
  EXPECT_EQ(photo.pixels[9], 200);               // second row, first column: untouched
  EXPECT_EQ(photo.pixels[12], 100);              // half of the photo, no heat
  EXPECT_EQ(photo.pixels[15], (200 + 255) / 2);  // half of both
}

TEST(FitInto, KeepsTheShapeAndNeverEnlarges) {
  const RgbImage photo{200, 100, std::vector<uint8_t>(60000, 9)};
  const RgbImage small = FitInto(photo, 50);
  EXPECT_EQ(small.width, 50);
  EXPECT_EQ(small.height, 25);
  EXPECT_EQ(small.pixels[0], 9);
  EXPECT_EQ(FitInto(photo, 400).width, 200);
  EXPECT_EQ(FitInto(photo, 0).width, 200);
  const Box box = ScaleBox({.left = 100, .top = 20, .width = 100, .height = 80}, 200, 100, small);
  EXPECT_EQ(box.left, 25);
  EXPECT_EQ(box.top, 5);
  EXPECT_EQ(box.width, 25);
  EXPECT_EQ(box.height, 20);
}

TEST(HeatmapSheet, HoldsAllPicturesAndReadsBackAsAPng) {
  const RgbImage red{4, 3, [] {
                       std::vector<uint8_t> pixels;
                       for (int i = 0; i < 12; ++i) pixels.insert(pixels.end(), {250, 10, 20});
                       return pixels;
                     }()};
  const RgbImage sheet = MakeSheet(std::vector<SheetPicture>(5, {red, "7"}), 3);
  const auto decoded = DecodeImage(EncodePng(sheet), 1 << 20);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->pixels, sheet.pixels);
  int64_t n_red = 0;
  for (size_t i = 0; i < sheet.pixels.size(); i += 3) {
    n_red += sheet.pixels[i] == 250 && sheet.pixels[i + 1] == 10 && sheet.pixels[i + 2] == 20;
  }
  EXPECT_EQ(n_red, 5 * 12);
  EXPECT_EQ(MakeSheet({}, 3).width, 1);
}

TEST(HeatmapSheet, LegendRunsFromColdToHotBelowThePicture) {
  const RgbImage picture{120, 10, std::vector<uint8_t>(3600, 77)};
  const RgbImage with = WithLegend(picture, ColorMap::kGray);
  EXPECT_EQ(with.width, 120);
  EXPECT_GT(with.height, 20);
  EXPECT_TRUE(std::equal(picture.pixels.begin(), picture.pixels.end(), with.pixels.begin()));
  const size_t row = static_cast<size_t>(3 * 120 * 14);
  EXPECT_EQ(with.pixels[row], 0);
  EXPECT_EQ(with.pixels[row + 3 * 119], 255);
}

}  // namespace
}  // namespace cajal::image
