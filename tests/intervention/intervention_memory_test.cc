// What an intervention holds at most, against its estimate.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "model/intervention/measure_ablations.h"
#include "tests/intervention/random_intervention.h"
#include "tests/support/allocation_meter.h"

namespace cajal::intervention {
namespace {

struct Case {
  std::string name;
  int64_t n_positions;
  int n_sets;
  FreezeKind freeze = FreezeKind::kNone;
  bool all_changed = false;
  bool return_logits = false;
  int32_t edited_positions = 1;  // the last ones
  transcoder::ActivationKind activation = transcoder::ActivationKind::kReluTopK;
};

class InterventionMemory : public ::testing::TestWithParam<Case> {};

TEST_P(InterventionMemory, IsWithinItsEstimateWhichIsNotFarAbove) {
  const c10::InferenceMode no_autograd;
  const Case& of = GetParam();
  const RandomWorld world(
      {.d_model = 64, .head_dim = 16, .d_mlp = 128, .vocab = 520, .window = 64},
      {.n_features = of.edited_positions == 1 ? 512 : 4096, .activation = of.activation}, {},
      of.n_positions);
  InterventionRequest request;
  request.run.freeze.kind = of.freeze;
  request.report.all_changed = of.all_changed;
  request.report.return_logits = of.return_logits;
  for (int set = 0; set < of.n_sets; ++set) {
    EditSet& edits = request.edit_sets.emplace_back();
    for (int32_t i = 1; i <= of.edited_positions; ++i) {
      edits.features.push_back(Edit(1, -i, 3 + set, OperationKind::kSet, 4));
      edits.features.push_back(Edit(2, -i, 7 + set, OperationKind::kAdd, 1));
    }
  }
  const InterventionBytes bytes = EstimateInterventionBytes(
      world.model.config, world.transcoders->info(),
      {.n_positions = of.n_positions,
       .n_sets = of.n_sets,
       .freezes = of.freeze != FreezeKind::kNone,
       .encoded = {.n_rows = of.edited_positions, .n_features = of.edited_positions},
       .kept_layers = of.all_changed ? world.transcoders->n_layers() : 0,
       .all_changed = of.all_changed,
       .return_logits = of.return_logits});
  const int64_t estimate = bytes.fixed + of.n_sets * bytes.per_set;
  int64_t used = 0;
  for (int run = 0; run < 2; ++run) {  // the first one fills torch's own caches
    const testing::AllocationMeter meter;
    const InterventionResult result = world.Run(request);
    used = meter.PeakBytes();
    ASSERT_EQ(result.sets.size(), static_cast<size_t>(of.n_sets));
  }
  EXPECT_GE(estimate, used);
  EXPECT_LE(static_cast<double>(estimate), 3 * static_cast<double>(used));
}

INSTANTIATE_TEST_SUITE_P(
    RandomModel, InterventionMemory,
    ::testing::Values(Case{"one_set", 1500, 1}, Case{"many_sets", 300, 30},
                      Case{"frozen", 700, 4, FreezeKind::kAll},
                      Case{"all_changed", 700, 4, FreezeKind::kNone, true},
                      Case{"logits", 700, 4, FreezeKind::kAttention, false, true},
                      Case{"edits_everywhere", 700, 4, FreezeKind::kNone, false, false, 690},
                      Case{"topk_of_the_prompt", 300, 1, FreezeKind::kNone, false, false, 8,
                           transcoder::ActivationKind::kBatchTopK}),
    [](const auto& test) { return test.param.name; });

TEST(AblationMemory, IsWithinItsEstimateWhichIsNotFarAbove) {
  const c10::InferenceMode no_autograd;
  constexpr int32_t kPositions = 500;
  const RandomWorld world({.d_model = 64, .head_dim = 16, .d_mlp = 128, .vocab = 520, .window = 64},
                          {.n_features = 512, .activation = transcoder::ActivationKind::kReluTopK},
                          {}, kPositions);
  AblationRequest request;
  for (int32_t i = 0; i < 6; ++i) {
    request.ablations.push_back({.layer = 1, .position = 10 * i + 1, .feature = i});
    request.ablations.push_back({.kind = SourceKind::kError, .layer = i % 3, .position = i + 1});
  }
  for (int32_t i = 0; i < 2000; ++i) {
    request.targets.push_back(
        {.position = 1 + i % (kPositions - 1), .layer = i % 4, .feature = i % 512});
  }
  request.circuits.resize(3);
  request.circuits[1].nodes = {{.layer = 2, .position = 7, .feature = 5}};
  request.ablate_errors = true;
  const InterventionBytes bytes = EstimateAblationBytes(
      world.model.config, world.transcoders->info(), request, kPositions, /*n_images=*/0);
  constexpr int64_t kRunsAtOnce = 4;
  const int64_t estimate = bytes.fixed + kRunsAtOnce * bytes.per_set;
  int64_t used = 0;
  for (int run = 0; run < 2; ++run) {  // the first one fills torch's own caches
    const testing::AllocationMeter meter;
    RunContext context;
    const auto result =
        MeasureAblations(world.model, *world.transcoders,
                         {.input = world.input,
                          .request = request,
                          .terms = std::vector<TokenWeights>(request.targets.size()),
                          .mean_unembedding = world.model.weights.decoder.unembedding.mean(0),
                          .answer_position = kPositions - 1,
                          .zero_positions = 1,
                          .runs_at_once = kRunsAtOnce},
                         &context);
    used = meter.PeakBytes();
    ASSERT_TRUE(result.ok()) << result.status();
  }
  EXPECT_GE(estimate, used);
  EXPECT_LE(static_cast<double>(estimate), 3 * static_cast<double>(used));
}

}  // namespace
}  // namespace cajal::intervention
