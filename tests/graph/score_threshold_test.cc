#include "model/graph/score_threshold.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace cajal::graph {
namespace {

TEST(ScoreThresholdTest, IsTheScoreAtWhichTheRunningSumReachesTheFraction) {
  const std::vector<double> scores = {1, 8, 0, 4, 3};  // sorted sums: 8, 12, 15, 16
  EXPECT_EQ(ScoreThreshold(scores, 0.49), 8);
  EXPECT_EQ(ScoreThreshold(scores, 0.5), 8);  // reached exactly
  EXPECT_EQ(ScoreThreshold(scores, 0.51), 4);
  EXPECT_EQ(ScoreThreshold(scores, 0.76), 3);
  EXPECT_EQ(ScoreThreshold(scores, 0.95), 1);
}

TEST(ScoreThresholdTest, AFractionOfZeroKeepsTheLargestScore) {
  EXPECT_EQ(ScoreThreshold({1, 8, 0, 4, 3}, 0), 8);
}

TEST(ScoreThresholdTest, AFractionOfOneKeepsEveryScoreAboveZeroAndNoZero) {
  EXPECT_EQ(ScoreThreshold({1, 8, 0, 4, 3}, 1), 1);
  // Where sum and running sum round differently, a select by sums alone would run into the zeros or
  // stop at 1.
  EXPECT_EQ(
      ScoreThreshold({0.91275554895401, 0.8132702112197876, 0.016527635976672173, 0, 0, 0}, 1),
      0.016527635976672173);
  EXPECT_EQ(ScoreThreshold({1, 1e-30, 0}, 1), 1e-30);
}

TEST(ScoreThresholdTest, NothingAboveZeroGivesZero) {
  EXPECT_EQ(ScoreThreshold({}, 0.5), 0);
  EXPECT_EQ(ScoreThreshold({0, 0}, 0.5), 0);
  EXPECT_EQ(ScoreThreshold({0, 0}, 1), 0);
}

TEST(ScoreThresholdTest, EqualScoresAreOneStep) { EXPECT_EQ(ScoreThreshold({2, 2, 2, 2}, 0.3), 2); }

TEST(ScoreThresholdTest, TellsScoresApartThatDifferInTheirLastBit) {
  const double step = std::numeric_limits<double>::epsilon();
  const std::vector<double> scores = {1, 1 + step, 1 + 2 * step, 1 + 3 * step};
  EXPECT_EQ(ScoreThreshold(scores, 0.2), 1 + 3 * step);
  EXPECT_EQ(ScoreThreshold(scores, 0.3), 1 + 2 * step);
  EXPECT_EQ(ScoreThreshold(scores, 0.7), 1 + step);
  EXPECT_EQ(ScoreThreshold(scores, 0.9), 1);
}

// circuit-tracer's way: sort and add up.
double BySorting(std::vector<double> scores, double fraction) {
  std::sort(scores.rbegin(), scores.rend());
  double total = 0;
  for (double score : scores) total += score;
  double sum = 0;
  for (double score : scores) {
    sum += score;
    if (sum >= fraction * total) return score;
  }
  return scores.back();
}

TEST(ScoreThresholdTest, AgreesWithSortingOverManyMagnitudes) {
  std::mt19937_64 random(3);
  std::vector<double> scores(20000);
  for (double& score : scores) score = std::exp(static_cast<double>(random() % 60000) / 1000 - 50);
  for (double fraction : {0.1, 0.5, 0.8, 0.95, 0.98, 0.999, 0.999999}) {
    EXPECT_EQ(ScoreThreshold(scores, fraction), BySorting(scores, fraction)) << fraction;
  }
}

}  // namespace
}  // namespace cajal::graph
