#include "model/image/preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/image/decode_image.h"
#include "model/image/resize.h"
#include "tests/golden_util.h"
#include "tests/temp_dir.h"

namespace cajal::image {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kSide = 56;

RgbImage Decode(const std::string& name) {
  auto image = DecodeImage(golden::ReadBytes("golden/images/" + name), 1'000'000);
  CAJAL_CHECK(image.ok()) << std::string(image.status().message());
  return *std::move(image);
}

PreprocessorConfig TinyConfig() {
  const auto model = checkpoint::LoadConfig("golden/tiny");
  CAJAL_CHECK(model.ok());
  auto config = LoadPreprocessorConfig("golden/tiny", *model->vision);
  CAJAL_CHECK(config.ok()) << std::string(config.status().message());
  return *config;
}

class GoldenPicture : public testing::TestWithParam<const char*> {};

TEST_P(GoldenPicture, IsResizedAsByPillowBitForBit) {
  const auto golden = golden::OpenSafetensors("golden/images.safetensors");
  const RgbImage image = Decode(std::string(GetParam()) + ".png");
  const RgbImage resized = ResizeBilinear(image, {0, 0, image.width, image.height}, kSide, kSide);
  EXPECT_EQ(resized.pixels,
            golden::Values<uint8_t>(*golden, std::string(GetParam()) + ".png.resized_u8"));
}

TEST_P(GoldenPicture, HasThePixelValuesOfTheProcessorBitForBit) {
  const auto golden = golden::OpenSafetensors("golden/images.safetensors");
  EXPECT_EQ(Preprocess(Decode(std::string(GetParam()) + ".png"), TinyConfig(), false),
            golden::Values<float>(*golden, std::string(GetParam()) + ".png.pixel_values"));
}

INSTANTIATE_TEST_SUITE_P(Preprocess, GoldenPicture,
                         testing::Values("gradient_200x300", "gray_64x48", "noise_56x56",
                                         "onerow_56x91", "palette_97x61", "rgba_40x80",
                                         "shapes_97x61", "up_13x9"),
                         [](const auto& test) { return std::string(test.param); });

class PannedPicture : public testing::TestWithParam<const char*> {};

TEST_P(PannedPicture, HasTheCropsOfTheProcessorBitForBit) {
  const auto golden = golden::OpenSafetensors("golden/images_odd.safetensors");
  PreprocessorConfig config = TinyConfig();
  config.min_crop_size = 16;
  const std::string name = std::string(GetParam()) + ".png";
  EXPECT_EQ(Preprocess(Decode(name), config, true),
            golden::Values<float>(*golden, "pan." + name + ".pixels"));
}

INSTANTIATE_TEST_SUITE_P(Preprocess, PannedPicture,
                         testing::Values("shapes_97x61", "gradient_200x300", "onerow_56x91",
                                         "rgba_40x80", "noise_56x56"),
                         [](const auto& test) { return std::string(test.param); });

TEST(Preprocess, OnePixelFillsThePicture) {
  const std::vector<float> values = Preprocess({1, 1, {255, 0, 51}}, TinyConfig(), true);
  ASSERT_EQ(values.size(), static_cast<size_t>(3 * kSide * kSide));
  EXPECT_EQ(values.front(), 1.0F);
  EXPECT_EQ(values[kSide * kSide], -1.0F);
  EXPECT_FLOAT_EQ(values.back(), -0.6F);
}

// Hand-worked: 1600 x 400 has ratio 4, so 4 crops of 400 x 400.
TEST(PanAndScanCrops, FollowTheRatio) {
  const std::vector<Box> crops = PanAndScanCrops(1600, 400, {});
  ASSERT_EQ(crops.size(), 4u);
  EXPECT_EQ(crops[3].left, 1200);
  EXPECT_EQ(crops[3].width, 400);
  EXPECT_EQ(crops[3].height, 400);
  const std::vector<Box> portrait = PanAndScanCrops(300, 1000, {});  // 3 crops of 334, 334, 332
  ASSERT_EQ(portrait.size(), 3u);
  EXPECT_EQ(portrait[2].top, 668);
  EXPECT_EQ(portrait[2].height, 332);
}

TEST(PanAndScanCrops, AreNotMadeOfSquarishOrSmallPictures) {
  EXPECT_THAT(PanAndScanCrops(1199, 1000, {}), IsEmpty());
  EXPECT_EQ(PanAndScanCrops(1200, 1000, {}).size(), 2u);
  EXPECT_THAT(PanAndScanCrops(510, 400, {}), IsEmpty());  // crops of 255 are below 256
  EXPECT_THAT(PanAndScanCrops(2000, 200, {}), IsEmpty());
}

class PreprocessorConfigTest : public testing::Test {
 protected:
  PreprocessorConfigTest() { vision_.image_size = 56; }
  void ExpectRefused(const std::string& json, const std::string& because) {
    dir_.Write("preprocessor_config.json", json);
    const absl::Status status = LoadPreprocessorConfig(dir_.path(), vision_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(because));
    EXPECT_THAT(std::string(status.message()), HasSubstr("preprocessor_config.json"));
  }
  const TempDir dir_;
  checkpoint::VisionConfig vision_;
};

TEST_F(PreprocessorConfigTest, DefaultsStandInForAMissingFile) {
  const auto config = LoadPreprocessorConfig(dir_.path(), vision_);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->image_size, 56);
  EXPECT_EQ(config->min_crop_size, 256);
}

TEST_F(PreprocessorConfigTest, NewerFilesKeepItInTheProcessorConfig) {
  dir_.Write("processor_config.json", R"({"image_processor": {"image_mean": [0.1, 0.2, 0.3],
      "pan_and_scan_max_num_crops": 6, "size": 56}})");
  const auto config = LoadPreprocessorConfig(dir_.path(), vision_);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->mean[2], 0.3F);
  EXPECT_EQ(config->max_num_crops, 6);
}

TEST_F(PreprocessorConfigTest, WhatIsNotComputedHereIsRefused) {
  ExpectRefused(R"({"size": {"height": 56, "width": 57}})", "the vision tower takes 56 x 56");
  ExpectRefused(R"({"resample": 3})", "resample");
  ExpectRefused(R"({"do_normalize": false})", "do_normalize must be true");
  ExpectRefused(R"({"image_std": [0.5, 0, 0.5]})", "image_std");
  ExpectRefused(R"({"image_mean": [0.5]})", "image_mean");
  ExpectRefused(R"({"pan_and_scan_min_crop_size": 1})", "pan_and_scan_min_crop_size");
}

}  // namespace
}  // namespace cajal::image
