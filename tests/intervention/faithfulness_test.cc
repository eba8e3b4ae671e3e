#include "model/intervention/faithfulness.h"

#include <gtest/gtest.h>

namespace cajal::intervention {
namespace {

FaithfulnessPoint Point(double threshold, float alone, float without) {
  FaithfulnessPoint point{.threshold = threshold};
  point.scores.alone.token.probability = alone;
  point.scores.without.token.probability = without;
  return point;
}

TEST(MakeCurve, SharesGoFromTheEmptyCircuitToTheCleanRun) {
  const FaithfulnessCurve curve =
      MakeCurve({.probability = 0.75F},
                {Point(0, 0.25F, 0.75F), Point(0.5, 0.5F, 0.375F), Point(0.75, 0.875F, 0.125F)});
  ASSERT_EQ(curve.points.size(), 3U);
  EXPECT_EQ(*curve.points[0].alone, 0);
  EXPECT_EQ(*curve.points[1].alone, 0.5);
  EXPECT_EQ(*curve.points[2].alone, 1.25);  // better than the model itself
  EXPECT_EQ(*curve.points[0].without, 1);
  EXPECT_EQ(*curve.points[1].without, 0.25);
  EXPECT_EQ(*curve.points[2].without, -0.25);  // worse than without any feature
  // Trapezoids: 0.5 * (0 + 0.5) / 2 + 0.25 * (0.5 + 1.25) / 2 + 0.25 * (1.25 + 1) / 2.
  EXPECT_NEAR(*curve.alone_area, 0.125 + 0.21875 + 0.28125, 1e-12);
  // 0.5 * (1 + 0.25) / 2 + 0.25 * (0.25 - 0.25) / 2 + 0.25 * (-0.25 + 0) / 2.
  EXPECT_NEAR(*curve.without_area, 0.3125 - 0.03125, 1e-12);
}

TEST(MakeCurve, AStraightLineHasHalfTheArea) {
  const FaithfulnessCurve curve =
      MakeCurve({.probability = 1}, {Point(0, 0, 1), Point(0.25, 0.25F, 0.75F), Point(1, 1, 0)});
  EXPECT_NEAR(*curve.alone_area, 0.5, 1e-12);
  EXPECT_NEAR(*curve.without_area, 0.5, 1e-12);
}

TEST(MakeCurve, EndsThatAreAlikeLeaveSharesUnset) {
  const FaithfulnessCurve curve =
      MakeCurve({.probability = 0.5F}, {Point(0, 0.5F, 0.5F), Point(0.5, 0.75F, 0.25F)});
  EXPECT_FALSE(curve.points[1].alone.has_value());
  EXPECT_FALSE(curve.points[1].without.has_value());
  EXPECT_FALSE(curve.alone_area.has_value());
  EXPECT_FALSE(curve.without_area.has_value());
}

}  // namespace
}  // namespace cajal::intervention
