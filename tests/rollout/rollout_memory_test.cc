// What a rollout holds at once, every allocation counted.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "model/gemma3/vision_attention.h"
#include "model/rollout/attention_rollout.h"
#include "tests/support/allocation_meter.h"
#include "tests/support/random_vision.h"
#include "tests/support/status_matchers.h"

namespace cajal::rollout {
namespace {

using testing::IsOk;

TEST(RolloutMemory, HoldsTheMatrixBeforeAndAfterALayerAndSomeTilesButNoPattern) {
  const c10::InferenceMode no_autograd;
  constexpr int64_t kLayers = 6;
  constexpr int64_t kWidth = 64;
  constexpr int64_t kSide = 40;
  constexpr int64_t P = kSide * kSide;
  gemma3::Model model = testing::MakeRandomModel({.n_layers = 0}, 1);
  testing::AddRandomVision(
      {.n_layers = kLayers, .d_vision = kWidth, .n_heads = 8, .patches_per_side = kSide}, 2,
      &model);
  testing::RandomTensors random(3);
  std::vector<at::Tensor> inputs;
  for (int64_t layer = 0; layer < kLayers; ++layer) inputs.push_back(random.Matrix(P, kWidth));

  RunContext context;
  const testing::AllocationMeter meter;
  const auto rollout = RollOut(model, inputs, 0.3, &context);
  const int64_t peak = meter.PeakBytes();
  ASSERT_THAT(rollout, IsOk());
  // A head's pattern would be one more matrix, the heads of a layer eight, all layers six.
  constexpr int64_t kMatrices = 2 * P * P;
  constexpr int64_t kTiles = 4 * gemma3::VisionAttention::kTile * P;
  constexpr int64_t kStates = 4 * P * kWidth;
  EXPECT_LE(peak, static_cast<int64_t>(sizeof(float)) * (kMatrices + kTiles + kStates) * 21 / 20);
}

}  // namespace
}  // namespace cajal::rollout
