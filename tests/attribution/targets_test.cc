#include "model/attribution/targets.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/status_matchers.h"

namespace cajal::attribution {
namespace {

using graph::Direction;
using graph::NamedToken;
using graph::Target;
using graph::TargetFeature;
using graph::TokenSum;
using graph::TopTokens;
using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;

// Four tokens. Their probabilities are 1/9, 2/9, 4/9 and 2/9 after position 0, and 9/16, 1/16, 3/16
// and 3/16 after position 1.
class TargetsTest : public ::testing::Test {
 protected:
  TargetsTest() {
    const auto ln2 = std::log(2.0F);
    const auto ln3 = std::log(3.0F);
    trace_.embedding = at::zeros({2, 2});
    trace_.final_normed = at::tensor({0.0F, ln2, ln3, -ln3}).view({2, 2});
    model_.config.text.vocab_size = 4;
    model_.weights.decoder.unembedding =
        at::tensor({1.0F, 0.0F, 0.0F, 1.0F, 2.0F, 2.0F, 1.0F, 1.0F}).view({4, 2});
    folded_.mean_unembedding = at::tensor({1.0F, 1.0F});
    features_ = {.layers = {0, 1, 1, 1},
                 .positions = {1, 0, 1, 1},
                 .features = {5, 5, 3, 5},
                 .activations = {1, 1, 1, 1},
                 .pre_activations = {0.1F, 0.2F, 0.3F, 0.4F}};
  }
  [[nodiscard]] absl::StatusOr<Targets> Make(std::vector<Target> targets,
                                             const std::vector<std::vector<int64_t>>& ids) {
    settings_.targets = std::move(targets);
    return MakeTargets(model_, folded_, trace_, features_, settings_, ids);
  }
  [[nodiscard]] std::vector<int64_t> Chosen(int32_t max_n, double desired_prob) {
    settings_.max_n_logits = max_n;
    settings_.desired_logit_prob = desired_prob;
    return Ids(*Make({}, {}));
  }
  static std::vector<int64_t> Ids(const Targets& targets) {
    std::vector<int64_t> ids;
    for (const graph::LogitNode& node : targets.nodes) ids.push_back(node.token_id);
    return ids;
  }

  gemma3::Model model_;
  FoldedModel folded_;
  Trace trace_{.layout = gemma3::AttentionLayout(2, {}, 1)};
  FeatureTable features_;
  graph::GraphSettings settings_;
};

TEST_F(TargetsTest, AreTheFewestThatReachTheProbability) {
  EXPECT_EQ(Chosen(4, 0.5), (std::vector<int64_t>{0}));
  EXPECT_EQ(Chosen(4, 0.6), (std::vector<int64_t>{0, 2}));  // 2 and 3 are equally probable
  EXPECT_EQ(Chosen(4, 0.9), (std::vector<int64_t>{0, 2, 3}));
  EXPECT_EQ(Chosen(4, 1), (std::vector<int64_t>{0, 2, 3, 1}));
}

TEST_F(TargetsTest, AreNoMoreThanAskedFor) {
  EXPECT_EQ(Chosen(2, 0.99), (std::vector<int64_t>{0, 2}));
}

TEST_F(TargetsTest, AreChosenAnewAtEachPosition) {
  settings_.max_n_logits = 1;
  const auto targets =
      Make({{.what = TopTokens{}, .position = 0}, {.what = TopTokens{}, .position = -1}}, {{}, {}});
  ASSERT_THAT(targets, IsOk());
  EXPECT_EQ(Ids(*targets), (std::vector<int64_t>{0, 2}));  // of positions 1 and 0
  EXPECT_EQ(targets->DirectionPositions(), (std::vector<int64_t>{1, 0}));
  EXPECT_FLOAT_EQ(targets->nodes[1].probability, 4.0F / 9);
}

TEST_F(TargetsTest, PointFromTheMeanOfTheVocabularyToTheToken) {
  const auto targets =
      Make({{.what = NamedToken{"c"}, .position = -2}, {.what = NamedToken{"a"}}}, {{2}, {0}});
  ASSERT_THAT(targets, IsOk());
  EXPECT_EQ(Ids(*targets), (std::vector<int64_t>{0, 2}));     // by probability
  EXPECT_FLOAT_EQ(targets->nodes[0].probability, 9.0F / 16);  // not renormalised
  EXPECT_FLOAT_EQ(targets->nodes[0].weight(), 9.0F / 16);
  EXPECT_TRUE(at::equal(targets->directions, at::tensor({0.0F, -1.0F, 1.0F, 1.0F}).view({2, 2})));
  EXPECT_EQ(targets->DirectionPositions(), (std::vector<int64_t>{1, 0}));
  EXPECT_FLOAT_EQ(targets->values[0], std::log(3.0F));  // [0, -1] times [ln 3, -ln 3]
  EXPECT_FLOAT_EQ(targets->values[1], std::log(2.0F));
}

TEST_F(TargetsTest, AreOneWhenATokenIsAmongTheMostProbableAndNamed) {
  settings_.max_n_logits = 1;
  EXPECT_EQ(Ids(*Make({{.what = NamedToken{"a"}}, {.what = TopTokens{}}}, {{0}, {}})),
            (std::vector<int64_t>{0}));
}

TEST_F(TargetsTest, AddUpTheTokensOfASum) {
  const auto targets = Make({{.what = TokenSum{{{"b", 2}, {"a", -1}}}}}, {{1, 0}});
  ASSERT_THAT(targets, IsOk());
  const graph::LogitNode& node = targets->nodes[0];
  EXPECT_EQ(node.token_id, 4);  // after the vocabulary's last
  EXPECT_EQ(node.token, "2*logit(b) - logit(a)");
  EXPECT_EQ(node.position, 1);
  EXPECT_EQ(node.probability, 0);
  EXPECT_FLOAT_EQ(node.weight(), 7.0F / 16);  // |2/16 - 9/16|
  EXPECT_TRUE(at::equal(targets->directions, at::tensor({-2.0F, 1.0F}).unsqueeze(0)));
}

TEST_F(TargetsTest, GiveADifferenceOfEquallyProbableTokensTheLeastWeight) {
  const auto targets = Make({{.what = TokenSum{{{"c", 1}, {"d", -1}}}}}, {{2, 3}});
  ASSERT_THAT(targets, IsOk());
  EXPECT_FLOAT_EQ(targets->nodes[0].weight(), 1e-6F);
}

TEST_F(TargetsTest, TakeADirectionAsItIs) {
  const auto targets = Make(
      {{.what = NamedToken{"a"}}, {.what = Direction{{0.5F, 4}}, .label = "towards"}}, {{0}, {}});
  ASSERT_THAT(targets, IsOk());
  EXPECT_EQ(Ids(*targets), (std::vector<int64_t>{5, 0}));  // weight 1 comes first
  EXPECT_EQ(targets->nodes[0].token, "towards");
  EXPECT_EQ(targets->nodes[0].weight(), 1);
  EXPECT_TRUE(at::equal(targets->directions[0], at::tensor({0.5F, 4.0F})));
  EXPECT_FLOAT_EQ(targets->values[0], (0.5F - 4) * std::log(3.0F));
}

TEST_F(TargetsTest, FindTheFeatureAtItsPosition) {
  const auto targets = Make(
      {{.what = TargetFeature{1, 5}}, {.what = TargetFeature{1, 5}, .position = 0, .weight = 3.0F}},
      {{}, {}});
  ASSERT_THAT(targets, IsOk());
  EXPECT_EQ(targets->features, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(targets->feature_ranks, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(targets->values, (std::vector<float>{0.2F, 0.4F}));
  EXPECT_EQ(targets->nodes[0].weight(), 3);
  EXPECT_EQ(targets->nodes[0].token_id, 5);
  EXPECT_EQ(targets->nodes[1].token, "feature 5 of layer 1");
  EXPECT_FALSE(targets->directions.defined());
}

TEST_F(TargetsTest, SayWhereAFeatureIsActiveThatIsNotHere) {
  const auto here =
      Make({{.what = TopTokens{}}, {.what = TargetFeature{0, 5}, .position = 0}}, {{}, {}});
  EXPECT_THAT(here, HasReason("FEATURE_NOT_ACTIVE"));
  EXPECT_THAT(here, HasField("targets[1].feature"));
  EXPECT_THAT(here, FailsWith(absl::StatusCode::kInvalidArgument, "it is active at 1"));
  EXPECT_THAT(Make({{.what = TargetFeature{0, 4}}}, {{}}),
              FailsWith(absl::StatusCode::kInvalidArgument,
                        "its activation there is 0; it is active nowhere in this prompt"));
}

TEST_F(TargetsTest, KeepTheOrderOfTheRequestWhereWeightsAreEqual) {
  const Target one{.what = Direction{{1, 0}}, .weight = 2.0F};
  const auto targets = Make({one, {.what = NamedToken{"a"}, .weight = 2.0F}, one}, {{}, {0}, {}});
  ASSERT_THAT(targets, IsOk());
  EXPECT_EQ(Ids(*targets), (std::vector<int64_t>{4, 0, 6}));
}

}  // namespace
}  // namespace cajal::attribution
