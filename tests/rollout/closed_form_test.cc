// Rollouts whose result can be written down.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "model/rollout/attention_rollout.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/random_vision.h"
#include "tests/support/status_matchers.h"

namespace cajal::rollout {
namespace {

using testing::FailsWith;
using testing::IsOk;
using testing::RelativeToLargest;

constexpr int64_t kPatches = 9;
// What the 1e-6 of the normalisation may change, and no more.
constexpr double kTolerance = 1e-5;
// A logit that leaves nothing for the others.
constexpr double kCertain = 60;

// [P, P]: patch p attends to patch p + shift alone.
at::Tensor Shift(int64_t shift) { return at::eye(kPatches).roll({shift}, {1}); }
at::Tensor Uniform() { return at::full({kPatches, kPatches}, 1.0 / kPatches); }

// A tower whose layers' heads attend as these logits say: one [heads, P, P] for each layer.
gemma3::Model TowerAttendingAs(const std::vector<at::Tensor>& layers) {
  gemma3::Model model;
  checkpoint::VisionConfig config;
  config.num_attention_heads = layers[0].size(0);
  config.hidden_size = layers[0].size(0) * kPatches;
  config.num_hidden_layers = std::ssize(layers);
  config.layer_norm_eps = 1e-6;
  model.config.vision = config;
  model.weights.vision.emplace();
  for (const at::Tensor& logits : layers) {
    model.weights.vision->blocks.push_back(testing::BlockAttendingAs(logits));
  }
  return model;
}

PatchRollout RollOutAll(const std::vector<at::Tensor>& layers, double head_fraction) {
  const gemma3::Model model = TowerAttendingAs(layers);
  const std::vector<at::Tensor> inputs(layers.size(),
                                       testing::PatchIndicators(layers[0].size(0), kPatches));
  RunContext context;
  auto rollout = RollOut(model, inputs, head_fraction, &context);
  EXPECT_THAT(rollout, IsOk());
  return *std::move(rollout);
}

TEST(Rollout, OfUniformAttentionMixesEveryLayerHalfWithTheMean) {
  // (U + I) / 2 to the power n is I / 2^n + (1 - 1 / 2^n) U, because U U = U.
  const at::Tensor no_preference = at::zeros({2, kPatches, kPatches});
  for (const int n : {1, 3}) {
    const PatchRollout rollout =
        RollOutAll(std::vector<at::Tensor>(static_cast<size_t>(n), no_preference), 1.0);
    const double rest = std::pow(0.5, n);
    EXPECT_LE(RelativeToLargest(rollout.matrix, at::eye(kPatches) * rest + Uniform() * (1 - rest)),
              kTolerance);
    for (const LayerHeads& layer : rollout.layers) {
      for (const float entropy : layer.entropies) EXPECT_NEAR(entropy, std::log(kPatches), 1e-4);
    }
  }
}

TEST(Rollout, OfPatchesThatSeeOnlyThemselvesIsTheIdentity) {
  const at::Tensor self = at::eye(kPatches).unsqueeze(0) * kCertain;
  const PatchRollout rollout = RollOutAll({self, self, self}, 0.3);
  EXPECT_LE(RelativeToLargest(rollout.matrix, at::eye(kPatches)), kTolerance);
  EXPECT_NEAR(rollout.layers[0].entropies[0], 0, 1e-4);
}

TEST(Rollout, OfOneHotAttentionMultipliesLaterLayersFromTheLeft) {
  // First layer: to the next patch. Second: to the first patch, whoever looks.
  const at::Tensor first = Shift(1).unsqueeze(0) * kCertain;
  at::Tensor to_zero = at::zeros({kPatches, kPatches});
  to_zero.select(1, 0).fill_(1);
  const PatchRollout rollout = RollOutAll({first, to_zero.unsqueeze(0) * kCertain}, 1.0);
  const at::Tensor I = at::eye(kPatches);
  EXPECT_LE(RelativeToLargest(rollout.matrix, at::matmul((to_zero + I) / 2, (Shift(1) + I) / 2)),
            kTolerance);
}

TEST(Rollout, OfOneLayerIsThatLayer) {
  const PatchRollout rollout = RollOutAll({Shift(2).unsqueeze(0) * kCertain}, 1.0);
  EXPECT_LE(RelativeToLargest(rollout.matrix, (Shift(2) + at::eye(kPatches)) / 2), kTolerance);
}

TEST(Rollout, KeepsTheHeadsWhoseRowsAreMostCertain) {
  // Entropies log 9, 0, log 9, 0: with half of the heads, the second and the fourth.
  const at::Tensor nothing = at::zeros({kPatches, kPatches});
  const at::Tensor layer = at::stack({nothing, Shift(1) * kCertain, nothing, Shift(3) * kCertain});
  const PatchRollout half = RollOutAll({layer}, 0.5);
  EXPECT_EQ(half.layers[0].kept_heads, (std::vector<int32_t>{1, 3}));
  const at::Tensor mean = (Shift(1) + Shift(3)) / 2;
  EXPECT_LE(RelativeToLargest(half.matrix, (mean + at::eye(kPatches)) / 2), kTolerance);
  // One head is always kept.
  EXPECT_EQ(RollOutAll({layer}, 0.01).layers[0].kept_heads, std::vector<int32_t>{1});
}

TEST(KeptHeads, RoundsHalvesToEvenAsTheReleasedCodeDoes) {
  EXPECT_EQ(KeptHeads(16, 0.30), 5);  // 4.8
  EXPECT_EQ(KeptHeads(5, 0.5), 2);    // 2.5
  EXPECT_EQ(KeptHeads(7, 0.5), 4);    // 3.5
  EXPECT_EQ(KeptHeads(4, 0.1), 1);    // 0.4, but at least one
  EXPECT_EQ(KeptHeads(4, 1.0), 4);
}

TEST(Rollout, StopsWhenAskedTo) {
  const gemma3::Model model = TowerAttendingAs({at::zeros({1, kPatches, kPatches})});
  const auto stop = std::make_shared<StopFlag>();
  RunContext context(stop, RunContext::Clock::time_point::max(), nullptr);
  const std::vector<at::Tensor> inputs = {testing::PatchIndicators(1, kPatches)};
  stop->RequestStop(absl::StatusCode::kCancelled);
  EXPECT_THAT(RollOut(model, inputs, 0.3, &context),
              FailsWith(absl::StatusCode::kCancelled, "rollout"));
  RunContext again;
  EXPECT_THAT(RollOut(model, inputs, 0.3, &again), IsOk());
}

}  // namespace
}  // namespace cajal::rollout
