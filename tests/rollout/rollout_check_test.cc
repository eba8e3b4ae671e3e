#include "model/rollout/rollout_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/status_matchers.h"

namespace cajal::rollout {
namespace {

using ::testing::AllOf;
using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// A tower of 4 layers with 8 heads; two decoder layers of 100 and 50 features.
class RolloutCheck : public ::testing::Test {
 protected:
  RolloutCheck() {
    config_.vision.emplace();
    config_.vision->num_hidden_layers = 4;
    config_.vision->num_attention_heads = 8;
    prompt_.token_ids.resize(12);
    prompt_.image_spans = {{.image = 0, .begin = 2, .end = 6}, {.image = 1, .begin = 8, .end = 12}};
  }
  [[nodiscard]] absl::Status Check(const RolloutRequest& request) const {
    return CheckRequest(config_, features_, request);
  }

  checkpoint::Gemma3Config config_;
  const std::vector<int64_t> features_ = {100, 50};
  tokenizer::TokenizedPrompt prompt_;
};

TEST_F(RolloutCheck, TakesTheDefaultsAndTheEndsOfEveryRange) {
  EXPECT_THAT(Check({}), IsOk());
  EXPECT_THAT(Check({.settings = {.last_layers = 4, .head_fraction = 1}}), IsOk());
  EXPECT_THAT(Check({.settings = {.method = Method::kAttention, .layer = -4, .head = 7}}), IsOk());
  EXPECT_THAT(Check({.feature = FeatureOfLayer{.layer = 1, .index = 49}}), IsOk());
  EXPECT_THAT(
      CheckRequest(prompt_, {.positions = {{2, 5, -1}}, .weights = std::vector<double>(12)}),
      IsOk());
}

TEST_F(RolloutCheck, NamesTheSettingThatIsOutOfRange) {
  EXPECT_THAT(Check({.settings = {.last_layers = 5}}),
              AllOf(HasField("settings.last_layers"), FailsWith(kInvalid, "from 1 to 4")));
  EXPECT_THAT(Check({.settings = {.last_layers = 0}}), HasField("settings.last_layers"));
  for (const double fraction : {0.0, 1.01, -0.3, std::nan("")}) {
    EXPECT_THAT(
        Check({.settings = {.head_fraction = fraction}}),
        AllOf(HasField("settings.head_fraction"), FailsWith(kInvalid, "above 0 and at most 1")));
  }
  const auto attention = [](int32_t layer, int32_t head) {
    return RolloutRequest{.settings = {.method = Method::kAttention, .layer = layer, .head = head}};
  };
  EXPECT_THAT(Check(attention(4, 0)),
              AllOf(HasField("settings.layer"), FailsWith(kInvalid, "from -4 to 3")));
  EXPECT_THAT(Check(attention(-5, 0)), HasField("settings.layer"));
  EXPECT_THAT(Check(attention(0, 8)),
              AllOf(HasField("settings.head"), FailsWith(kInvalid, "from 0 to 7")));
}

TEST_F(RolloutCheck, NamesTheFeatureOrWeightThatCannotCount) {
  EXPECT_THAT(Check({.feature = FeatureOfLayer{.layer = 2}}), HasField("feature.layer"));
  EXPECT_THAT(Check({.feature = FeatureOfLayer{.layer = 1, .index = 50}}),
              AllOf(HasField("feature.index"), FailsWith(kInvalid, "from 0 to 49")));
  EXPECT_THAT(Check({.weights = {1}, .feature = FeatureOfLayer{}}),
              FailsWith(kInvalid, "one of the two"));
  for (const double weight : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(Check({.weights = {0, weight}}), HasField("weights[1]"));
  }
  EXPECT_THAT(CheckRequest(prompt_, {.weights = std::vector<double>(11)}),
              AllOf(HasField("weights"), FailsWith(kInvalid, "11 numbers for a prompt of 12")));
}

TEST_F(RolloutCheck, RefusesPositionsThatAreNoImageTokens) {
  EXPECT_THAT(CheckRequest(prompt_, {.positions = {{3, 7}}}),
              AllOf(HasField("positions[1]"), FailsWith(kInvalid, "2 to 5, 8 to 11")));
  EXPECT_THAT(CheckRequest(prompt_, {.positions = {{12}}}), FailsWith(kInvalid, "from -12 to 11"));
}

TEST_F(RolloutCheck, RefusesPromptsAndModelsWithoutPictures) {
  prompt_.image_spans.clear();
  EXPECT_THAT(CheckRequest(prompt_, {}), HasReason("NO_IMAGE"));
  config_.vision.reset();
  EXPECT_THAT(Check({}), HasReason("NO_VISION"));
}

TEST_F(RolloutCheck, ListsTheTokensOfEachPictureOnceAndInOrder) {
  const auto tokens = TokensAskedFor(prompt_, {.positions = {{5, -4, 2, 5}}});
  EXPECT_EQ(tokens, (std::vector<std::vector<int32_t>>{{0, 3}, {0}}));
  EXPECT_EQ(TokensAskedFor(prompt_, {})[1], (std::vector<int32_t>{0, 1, 2, 3}));
  EXPECT_TRUE(TokensAskedFor(prompt_, {.positions = std::vector<int32_t>()})[0].empty());
}

}  // namespace
}  // namespace cajal::rollout
