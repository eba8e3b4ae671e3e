#include "model/generation/next_tokens.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace cajal::generation {
namespace {

TEST(NextTokens, ProbabilitiesAreTheSoftmaxOverTheVocabulary) {
  const std::vector<float> logits = {0.0F, std::log(2.0F), std::log(5.0F)};
  const NextTokens next(logits);
  EXPECT_NEAR(next.ProbabilityOf(0), 1.0 / 8, 1e-6);
  EXPECT_NEAR(next.ProbabilityOf(1), 2.0 / 8, 1e-6);
  EXPECT_NEAR(next.ProbabilityOf(2), 5.0 / 8, 1e-6);
  EXPECT_EQ(next.LogitOf(1), std::log(2.0F));
}

TEST(NextTokens, LargeLogitsDoNotOverflow) {
  const std::vector<float> logits = {3000.0F, 3000.0F};
  EXPECT_NEAR(NextTokens(logits).ProbabilityOf(0), 0.5, 1e-6);
}

TEST(NextTokens, TheMostProbableComeFirstAndEqualsInTheOrderOfTheirIds) {
  const std::vector<float> logits = {1, 3, 2, 3, 0};
  EXPECT_EQ(NextTokens(logits).Top(4), (std::vector<int64_t>{1, 3, 2, 0}));
  EXPECT_EQ(NextTokens(logits).Top(9), (std::vector<int64_t>{1, 3, 2, 0, 4}));
  EXPECT_TRUE(NextTokens(logits).Top(0).empty());
}

}  // namespace
}  // namespace cajal::generation
