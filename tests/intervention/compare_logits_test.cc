#include "model/intervention/compare_logits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace cajal::intervention {
namespace {

using ::testing::ElementsAre;

// Logits whose softmax is 1/2, 1/4, 1/8, 1/8.
const std::vector<float> kHalves = {std::log(4.0F), std::log(2.0F), 0, 0};
// 1/8, 1/8, 1/4, 1/2, shifted, which a softmax does not see.
const std::vector<float> kReversed = {7, 7, 7 + std::log(2.0F), 7 + std::log(4.0F)};

TEST(CompareLogits, GivesProbabilitiesAndRanks) {
  const LogitTable table(kHalves);
  const TokenScore first = table.Of(0);
  EXPECT_FLOAT_EQ(first.probability, 0.5F);
  EXPECT_FLOAT_EQ(first.logit, std::log(4.0F));
  EXPECT_EQ(first.rank, 1);
  EXPECT_EQ(table.Of(1).rank, 2);
  EXPECT_FLOAT_EQ(table.Of(3).probability, 0.125F);
}

TEST(CompareLogits, BreaksTiesByTokenId) {
  const LogitTable table(kHalves);
  EXPECT_EQ(table.Of(2).rank, 3);
  EXPECT_EQ(table.Of(3).rank, 4);
  EXPECT_THAT(table.Top(3), ElementsAre(0, 1, 2));
  EXPECT_THAT(table.Top(0), ElementsAre());
  EXPECT_THAT(table.Top(9), ElementsAre(0, 1, 2, 3));
}

TEST(CompareLogits, DivergenceIsFromTheCleanRunToTheEditedOne) {
  const LogitTable clean(kHalves);
  const LogitTable edited(kReversed);
  // sum of p ln(p / q): 1/2 ln 4 + 1/4 ln 2 + 1/8 ln(1/2) + 1/8 ln(1/4) = (1 + 1/4 - 1/8 - 1/4) ln
  // 2
  EXPECT_NEAR(KlDivergence(clean, edited), 0.875 * std::log(2.0), 1e-6);
  EXPECT_EQ(KlDivergence(clean, clean), 0);
  // It has a direction: of 3/4 and 1/4 from halves, and back.
  const std::vector<float> even = {0, 0};
  const std::vector<float> uneven = {std::log(3.0F), 0};
  EXPECT_NEAR(KlDivergence(LogitTable(even), LogitTable(uneven)),
              0.5 * std::log(2.0 / 3) + 0.5 * std::log(2.0), 1e-6);
  EXPECT_NEAR(KlDivergence(LogitTable(uneven), LogitTable(even)),
              0.75 * std::log(1.5) + 0.25 * std::log(0.5), 1e-6);
}

TEST(CompareLogits, LargeLogitsDoNotOverflow) {
  const std::vector<float> large = {30000, 29999};
  const LogitTable table(large);
  EXPECT_NEAR(table.Of(0).probability, 1 / (1 + std::exp(-1.0)), 1e-6);
  EXPECT_TRUE(std::isfinite(KlDivergence(table, table)));
}

TEST(CompareLogits, ATokenIsComparedInBothRuns) {
  const std::vector<TokenChange> changes =
      CompareTokens({3}, LogitTable(kHalves), LogitTable(kReversed));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].token_id, 3);
  EXPECT_EQ(changes[0].clean.rank, 4);
  EXPECT_EQ(changes[0].edited.rank, 1);
  EXPECT_FLOAT_EQ(changes[0].edited.probability, 0.5F);
}

}  // namespace
}  // namespace cajal::intervention
