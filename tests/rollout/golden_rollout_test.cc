// Rollouts of the golden checkpoint against a direct computation in Python
// (tests/golden/scripts/make_rollout.py): two last layers, 0.30 of four heads, rows pooled by max.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "model/gemma3/vision_encoder.h"
#include "model/rollout/attention_rollout.h"
#include "model/rollout/token_maps.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/status_matchers.h"

namespace cajal::rollout {
namespace {

using testing::GoldenTensors;
using testing::IsOk;
using testing::RelativeToLargest;

class GoldenRollout : public ::testing::TestWithParam<const char*> {
 protected:
  const GoldenTensors forward_{std::string("golden/forward/forward_") + GetParam() +
                               ".safetensors"};
  const GoldenTensors golden_{std::string("golden/rollout/rollout_") + GetParam() + ".safetensors"};
  const gemma3::Model model_ = testing::LoadTestModel("golden/tiny");

  std::vector<gemma3::VisionStates> Encode(int n_blocks) {
    RunContext context;
    gemma3::VisionEncoder encoder(model_, 0);
    auto states = encoder.Encode(forward_["pixel_values"], n_blocks, &context);
    EXPECT_THAT(states, IsOk());
    return *std::move(states);
  }
};

TEST_P(GoldenRollout, MatrixMapsAndEntropiesAreThoseOfTheDefinition) {
  const std::vector<gemma3::VisionStates> states = Encode(2);
  for (size_t i = 0; i < states.size(); ++i) {
    RunContext context;
    const auto rollout = RollOut(model_, states[i].block_inputs, 0.30, &context);
    ASSERT_THAT(rollout, IsOk());
    const std::string prefix = std::to_string(i) + ".";
    EXPECT_LE(RelativeToLargest(rollout->matrix, golden_[prefix + "R"]), 1e-5);
    EXPECT_LE(
        RelativeToLargest(PoolRows(rollout->matrix, 2, Pooling::kMax), golden_[prefix + "pooled"]),
        1e-5);
    ASSERT_EQ(rollout->layers.size(), 2u);
    for (const LayerHeads& layer : rollout->layers) {
      const at::Tensor expected = golden_[prefix + "entropy"][layer.layer];
      EXPECT_LE(RelativeToLargest(at::tensor(layer.entropies), expected), 1e-5);
      EXPECT_EQ(layer.kept_heads,
                std::vector<int32_t>{static_cast<int32_t>(expected.argmin().item<int64_t>())});
    }
  }
}

TEST_P(GoldenRollout, AHeadsPatternIsTheOneThatTransformersRecords) {
  const std::vector<gemma3::VisionStates> states = Encode(3);
  for (size_t i = 0; i < states.size(); ++i) {
    for (const int layer : {0, 2}) {
      const at::Tensor pattern =
          HeadPattern(model_, layer, 3, states[i].block_inputs[static_cast<size_t>(layer)]);
      EXPECT_LE(RelativeToLargest(pattern,
                                  forward_["vision_attn_probs"][layer][static_cast<int64_t>(i)][3]),
                1e-5);
    }
  }
}

TEST_P(GoldenRollout, SimilarityIsTheCosineOfTheFinalStates) {
  const std::vector<gemma3::VisionStates> states = Encode(0);
  for (size_t i = 0; i < states.size(); ++i) {
    const at::Tensor x = forward_["vision_out"][static_cast<int64_t>(i)].to(at::kDouble);
    const at::Tensor lengths = x.mul(x).sum(-1).sqrt();
    const at::Tensor expected = at::matmul(x, x.t()) / at::outer(lengths, lengths);
    EXPECT_LE(RelativeToLargest(Similarity(states[i].out), expected), 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenRollout, ::testing::Values("one_image", "two_images_chat"));

}  // namespace
}  // namespace cajal::rollout
