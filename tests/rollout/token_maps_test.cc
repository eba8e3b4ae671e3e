#include "model/rollout/token_maps.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace cajal::rollout {
namespace {

// A grid of 4 x 4 patches, 2 x 2 of them to a token: token 0 has patches 0, 1, 4, 5; token 3 has
// 10, 11, 14, 15.
at::Tensor Counting() { return at::arange(256, at::kFloat).view({16, 16}); }

TEST(PoolRows, TakesTheLargestOfTheRowsOfATokensPatches) {
  at::Tensor matrix = Counting();
  matrix[1][7] = 1000;  // the largest of column 7 among token 0's patches
  const at::Tensor pooled = PoolRows(matrix, 2, Pooling::kMax);
  EXPECT_EQ(pooled.sizes(), (std::vector<int64_t>{4, 16}));
  EXPECT_EQ(pooled[0][3].item<float>(), 5 * 16 + 3);
  EXPECT_EQ(pooled[0][7].item<float>(), 1000);
  EXPECT_EQ(pooled[3][0].item<float>(), 15 * 16);
}

TEST(PoolRows, AveragesThemWhenAskedTo) {
  const at::Tensor pooled = PoolRows(Counting(), 2, Pooling::kMean);
  EXPECT_EQ(pooled[0][3].item<float>(), (0 + 1 + 4 + 5) * 16 / 4.0F + 3);
  EXPECT_EQ(pooled[3][0].item<float>(), (10 + 11 + 14 + 15) * 16 / 4.0F);
}

TEST(WeightedMean, CountsEachMapByItsWeight) {
  const at::Tensor maps = at::tensor({1.0F, 2.0F, 10.0F, 20.0F, 100.0F, 200.0F}).view({3, 2});
  const at::Tensor mean = WeightedMean(maps, std::vector<double>{3, 1, 0});
  EXPECT_FLOAT_EQ(mean[0].item<float>(), (3 * 1 + 10) / 4.0F);
  EXPECT_FLOAT_EQ(mean[1].item<float>(), (3 * 2 + 20) / 4.0F);
}

}  // namespace
}  // namespace cajal::rollout
