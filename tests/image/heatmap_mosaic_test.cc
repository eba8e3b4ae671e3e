#include "model/image/heatmap_mosaic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "model/image/decode_image.h"

namespace cajal::image {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

// The grey levels of a tile of 3 x 3 pixels in a mosaic of 2 x 2 tiles.
std::vector<int> TileAt(const RgbImage& mosaic, int64_t row, int64_t column) {
  std::vector<int> levels;
  for (int64_t y = 3 * row; y < 3 * row + 3; ++y) {
    for (int64_t x = 3 * column; x < 3 * column + 3; ++x) {
      const uint8_t* pixel = &mosaic.pixels[static_cast<size_t>(3 * (y * mosaic.width + x))];
      EXPECT_EQ(pixel[0], pixel[1]);
      EXPECT_EQ(pixel[0], pixel[2]);
      levels.push_back(pixel[0]);
    }
  }
  return levels;
}

TEST(HeatmapMosaicTest, HasATileOfEachTokenAtItsPlaceClippedAndStretched) {
  // Of 0 to 8 the 95th percentile is 7.6: value v becomes 255 v / 7.6, the largest one 255.
  const std::vector<float> maps = {
      0,    1,   2,   3,   4,   5,   6,   7,   8,     // row 0, column 0
      8,    7,   6,   5,   4,   3,   2,   1,   0,     // row 0, column 1
      5,    5,   5,   5,   5,   5,   5,   5,   5,     // row 1, column 0
      -100, 900, 100, 200, 300, 400, 500, 600, 1000,  // row 1, column 1: another scale
  };
  const std::string png = EncodeHeatmapMosaic(maps, 2, 3);
  const auto mosaic = DecodeImage(png, 1000);
  ASSERT_TRUE(mosaic.ok()) << mosaic.status();
  ASSERT_EQ(mosaic->width, 6);
  ASSERT_EQ(mosaic->height, 6);
  EXPECT_THAT(TileAt(*mosaic, 0, 0), ElementsAre(0, 34, 67, 101, 134, 168, 201, 235, 255));
  EXPECT_THAT(TileAt(*mosaic, 0, 1), ElementsAre(255, 235, 201, 168, 134, 101, 67, 34, 0));
  EXPECT_THAT(TileAt(*mosaic, 1, 0), Each(0));
  // 95th percentile 960: 255 (v + 100) / 1060.
  EXPECT_THAT(TileAt(*mosaic, 1, 1), ElementsAre(0, 241, 48, 72, 96, 120, 144, 168, 255));
}

TEST(HeatmapMosaicTest, IsAPngOfOneByteAPixel) {
  const std::string png = EncodeHeatmapMosaic(std::vector<float>(4 * 9, 1.0F), 2, 3);
  ASSERT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
  // Of the first chunk, IHDR: 8 bits, and the colour type of grey.
  EXPECT_EQ(png.substr(12, 4), "IHDR");
  EXPECT_EQ(png[24], 8);
  EXPECT_EQ(png[25], 0);
}

}  // namespace
}  // namespace cajal::image
