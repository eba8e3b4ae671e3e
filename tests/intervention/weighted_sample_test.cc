#include "model/intervention/weighted_sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cajal::intervention {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<int64_t> Draw(int64_t n, SampleBy by, uint64_t seed,
                          const std::vector<double>& weights) {
  WeightedSample sample(n, by, seed);
  for (size_t i = 0; i < weights.size(); ++i) sample.Offer(static_cast<int64_t>(i), weights[i]);
  return sample.Items();
}

TEST(WeightedSample, TakesTheLargestWithoutChance) {
  EXPECT_THAT(Draw(3, SampleBy::kLargest, 1, {1, 5, 2, 0, 5, 4}), ElementsAre(1, 4, 5));
  EXPECT_THAT(Draw(2, SampleBy::kLargest, 2, {3, 3, 3}), ElementsAre(0, 1));  // ties by item
}

TEST(WeightedSample, TakesEachItemOnceAndNoneOfWeightZero) {
  for (const SampleBy by : {SampleBy::kWeight, SampleBy::kUniform, SampleBy::kLargest}) {
    EXPECT_THAT(Draw(10, by, 7, {1, 0, 2, 0, 3}), ElementsAre(0, 2, 4));
    EXPECT_THAT(Draw(0, by, 7, {1, 2, 3}), IsEmpty());
  }
}

TEST(WeightedSample, TheSameSeedDrawsTheSame) {
  const std::vector<double> weights(1000, 1);
  EXPECT_EQ(Draw(20, SampleBy::kWeight, 5, weights), Draw(20, SampleBy::kWeight, 5, weights));
  EXPECT_NE(Draw(20, SampleBy::kWeight, 5, weights), Draw(20, SampleBy::kWeight, 6, weights));
}

TEST(WeightedSample, SharesAreThoseOfTheWeights) {
  // Of one item: 1/10 and 9/10; of any of them when uniform: 1/2. Four standard deviations of 20000
  // draws are 0.0085 and 0.0141.
  int n_by_weight = 0;
  int n_uniform = 0;
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    n_by_weight += Draw(1, SampleBy::kWeight, seed, {1, 9})[0] == 0 ? 1 : 0;
    n_uniform += Draw(1, SampleBy::kUniform, seed, {1, 9})[0] == 0 ? 1 : 0;
  }
  EXPECT_NEAR(n_by_weight / 20000.0, 0.1, 0.0085);
  EXPECT_NEAR(n_uniform / 20000.0, 0.5, 0.0142);
}

}  // namespace
}  // namespace cajal::intervention
