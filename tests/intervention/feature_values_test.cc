// Chosen features, against the same positions encoded whole.
#include "model/intervention/feature_values.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model/intervention/distinct.h"
#include "tests/support/random_model.h"

namespace cajal::intervention {
namespace {

using transcoder::ActivationKind;
using transcoder::ActiveFeatures;

constexpr int64_t kRuns = 2;
constexpr int64_t kPositions = 5;
constexpr int64_t kFeatures = 24;

struct Case {
  std::string name;
  ActivationKind kind;
};

class ReadFeaturesTest : public ::testing::TestWithParam<Case> {
 protected:
  ReadFeaturesTest()
      : model_(testing::MakeRandomModel({}, 42)),
        transcoders_(testing::MakeRandomTranscoders(model_, {.activation = GetParam().kind}, 43)),
        x_(testing::RandomTensors(7)
               .Matrix(kRuns * kPositions, model_.config.text.hidden_size)
               .view({kRuns, kPositions, -1})) {}

  // [runs * positions, features], both of them dense.
  [[nodiscard]] FeatureValues Encoded(int64_t zero_positions) const {
    FeatureValues dense{.pre_activations = at::zeros({kRuns * kPositions, kFeatures}),
                        .activations = at::zeros({kRuns * kPositions, kFeatures})};
    for (int64_t run = 0; run < kRuns; ++run) {
      const ActiveFeatures active = transcoders_->Encode(kLayer, x_[run], zero_positions);
      const at::Tensor rows = active.positions + run * kPositions;
      dense.activations.index_put_({rows, active.features}, active.activations);
      dense.pre_activations.index_put_({rows, active.features}, active.pre_activations);
    }
    return dense;
  }

  static constexpr int kLayer = 1;
  const gemma3::Model model_;
  const std::unique_ptr<transcoder::TranscoderSet> transcoders_;
  const at::Tensor x_;
};

TEST_P(ReadFeaturesTest, AreWhatEncodingFinds) {
  for (const int64_t zero_positions : {0, 2}) {
    const FeatureValues encoded = Encoded(zero_positions);
    FeaturePlaces everything;
    for (int64_t place = 0; place < kRuns * kPositions; ++place) {
      for (int64_t feature = 0; feature < kFeatures; ++feature) {
        everything.places.push_back(place);
        everything.features.push_back(feature);
      }
    }
    const FeatureValues read =
        ReadFeatures(*transcoders_, kLayer, x_, everything, {.zero_positions = zero_positions});
    const at::Tensor activations = encoded.activations.flatten();
    EXPECT_TRUE(at::allclose(read.activations, activations, 1e-5, 1e-6));
    EXPECT_TRUE(at::equal(read.activations.ne(0), activations.ne(0)));
    const at::Tensor is_on = activations.ne(0);
    EXPECT_GT(is_on.sum().item<int64_t>(), 0);
    EXPECT_TRUE(
        at::allclose(read.pre_activations * is_on, encoded.pre_activations.flatten(), 1e-5, 1e-6));
  }
}

TEST_P(ReadFeaturesTest, OneAloneReadsAsAmongOthersInAnyOrder) {
  const at::Tensor encoded = Encoded(1).activations;
  // Places and features that repeat, the first position, and both runs.
  const FeaturePlaces some{.places = {8, 0, 3, 8, 3, 9, 5, 8},
                           .features = {2, 4, 2, 5, 9, 4, 1, 7}};
  const at::Tensor read =
      ReadFeatures(*transcoders_, kLayer, x_, some, {.zero_positions = 1}).activations;
  for (size_t i = 0; i < some.places.size(); ++i) {
    const float expected = encoded[some.places[i]][some.features[i]].item<float>();
    EXPECT_NEAR(read[static_cast<int64_t>(i)].item<float>(), expected, 1e-5);
    const FeaturePlaces alone{.places = {some.places[i]}, .features = {some.features[i]}};
    EXPECT_NEAR(ReadFeatures(*transcoders_, kLayer, x_, alone, {.zero_positions = 1})
                    .activations.item<float>(),
                expected, 1e-5);
  }
}

TEST_P(ReadFeaturesTest, PlainReluLooksAtTheFeatureAlone) {
  const FeaturePlaces some{.places = {1, 1, 7}, .features = {3, 8, 20}};
  const FeatureValues read = ReadFeatures(*transcoders_, kLayer, x_, some, {.plain_relu = true});
  EXPECT_TRUE(at::equal(read.activations, at::relu(read.pre_activations)));
}

INSTANTIATE_TEST_SUITE_P(Kinds, ReadFeaturesTest,
                         ::testing::Values(Case{"relu", ActivationKind::kRelu},
                                           Case{"relu_topk", ActivationKind::kReluTopK},
                                           Case{"topk", ActivationKind::kTopK},
                                           Case{"jump_relu", ActivationKind::kJumpRelu},
                                           Case{"group_max", ActivationKind::kGroupMax},
                                           Case{"topk_of_the_prompt", ActivationKind::kBatchTopK}),
                         [](const auto& c) { return c.param.name; });

TEST(Distinct, FetchesWhatRepeatsOnce) {
  const Distinct repeated({7, 3, 7, 5, 3});
  EXPECT_EQ(repeated.values, (std::vector<int64_t>{7, 3, 5}));
  EXPECT_EQ(repeated.which, (std::vector<int64_t>{0, 1, 0, 2, 1}));
  const at::Tensor rows = at::tensor({70.0F, 30.0F, 50.0F}).view({3, 1});
  EXPECT_TRUE(
      at::equal(repeated.Spread(rows).flatten(), at::tensor({70.0F, 30.0F, 70.0F, 50.0F, 30.0F})));
  EXPECT_TRUE(Distinct({4, 2}).Spread(rows).is_same(rows));
}

}  // namespace
}  // namespace cajal::intervention
