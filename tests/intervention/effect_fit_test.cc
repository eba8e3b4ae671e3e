#include "model/intervention/effect_fit.h"

#include <gtest/gtest.h>

#include <cmath>

namespace cajal::intervention {
namespace {

TEST(EffectFitter, FiguresAreTheTextbooks) {
  // p = 1, 2, 3, -2 and m = 1, 1, 4, 1.
  EffectFitter fitter;
  fitter.Add(1, 1);
  fitter.Add(2, 1);
  fitter.Add(3, 4);
  fitter.Add(-2, 1);
  const EffectFit fit = fitter.Fit();
  EXPECT_EQ(fit.n, 4);
  EXPECT_NEAR(*fit.slope, 13.0 / 18, 1e-12);  // (1 + 2 + 12 - 2) / (1 + 4 + 9 + 4)
  EXPECT_NEAR(*fit.relative_error, std::sqrt(11.0 / 18), 1e-12);  // 0 + 1 + 1 + 9
  EXPECT_NEAR(*fit.same_sign, 0.75, 1e-12);
  EXPECT_NEAR(fit.largest_error, 3, 1e-12);
  // Means 1 and 7/4: covariance 13 - 4 * 7/4 = 6, variances 18 - 4 = 14 and 19 - 4 * 49/16 = 27/4.
  EXPECT_NEAR(*fit.correlation, 6 / std::sqrt(14 * 6.75), 1e-12);
}

TEST(EffectFitter, APerfectLineHasItsSlopeAndCorrelationOne) {
  EffectFitter fitter;
  for (int i = -50; i <= 50; ++i) fitter.Add(1000 + i, -0.5 * (1000 + i));
  const EffectFit fit = fitter.Fit();
  EXPECT_NEAR(*fit.slope, -0.5, 1e-12);
  EXPECT_NEAR(*fit.correlation, -1, 1e-12);
  EXPECT_EQ(*fit.same_sign, 0);
  EXPECT_NEAR(*fit.relative_error, 1.5, 1e-12);
}

TEST(EffectFitter, WhatIsNotDefinedIsNotSet) {
  EffectFitter fitter;
  EXPECT_EQ(fitter.Fit().n, 0);
  EXPECT_FALSE(fitter.Fit().slope.has_value());
  EXPECT_FALSE(fitter.Fit().correlation.has_value());
  EXPECT_FALSE(fitter.Fit().same_sign.has_value());
  fitter.Add(0, 2);  // nothing was predicted
  EXPECT_FALSE(fitter.Fit().slope.has_value());
  EXPECT_FALSE(fitter.Fit().same_sign.has_value());
  EXPECT_EQ(fitter.Fit().largest_error, 2);
  EffectFitter one;
  one.Add(2, 3);  // one point has a slope and no correlation
  EXPECT_NEAR(*one.Fit().slope, 1.5, 1e-12);
  EXPECT_FALSE(one.Fit().correlation.has_value());
}

}  // namespace
}  // namespace cajal::intervention
