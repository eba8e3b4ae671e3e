#include "model/attribution/logit_targets.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace cajal::attribution {
namespace {

// Four tokens with probabilities 0.15, 0.5, 0.05 and 0.3.
class LogitTargetsTest : public ::testing::Test {
 protected:
  LogitTargetsTest() {
    trace_.logits = at::tensor({0.15F, 0.5F, 0.05F, 0.3F}).log();
    trace_.final_normed = at::tensor({1.0F, 2.0F});
    model_.weights.decoder.unembedding =
        at::tensor({1.0F, 0.0F, 0.0F, 1.0F, 2.0F, 2.0F, 1.0F, 1.0F}).view({4, 2});
    folded_.mean_unembedding = at::tensor({1.0F, 1.0F});
  }
  [[nodiscard]] std::vector<int64_t> Chosen(int64_t max_n, double desired_prob) const {
    return ChooseLogitTargets(model_, folded_, trace_, max_n, desired_prob).token_ids;
  }

  gemma3::Model model_;
  FoldedModel folded_;
  Trace trace_{.layout = gemma3::AttentionLayout(1, {}, 1)};
};

TEST_F(LogitTargetsTest, AreTheFewestThatReachTheProbability) {
  EXPECT_EQ(Chosen(4, 0.4), (std::vector<int64_t>{1}));
  EXPECT_EQ(Chosen(4, 0.79), (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(Chosen(4, 0.81), (std::vector<int64_t>{1, 3, 0}));
  EXPECT_EQ(Chosen(4, 1), (std::vector<int64_t>{1, 3, 0, 2}));
}

TEST_F(LogitTargetsTest, AreNoMoreThanAskedFor) {
  EXPECT_EQ(Chosen(2, 0.99), (std::vector<int64_t>{1, 3}));
}

TEST_F(LogitTargetsTest, PointFromTheMeanOfTheVocabularyToTheToken) {
  const LogitTargets targets = NamedLogitTargets(model_, folded_, trace_, {2, 1});
  EXPECT_EQ(targets.token_ids, (std::vector<int64_t>{1, 2}));  // by probability
  EXPECT_FLOAT_EQ(targets.probabilities[0], 0.5F);             // not renormalised
  EXPECT_FLOAT_EQ(targets.probabilities[1], 0.05F);
  EXPECT_TRUE(at::equal(targets.directions, at::tensor({-1.0F, 0.0F, 1.0F, 1.0F}).view({2, 2})));
  EXPECT_EQ(targets.values, (std::vector<float>{-1, 3}));  // directions times [1, 2]
}

}  // namespace
}  // namespace cajal::attribution
