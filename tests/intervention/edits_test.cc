// What edits do to a run, where it can be said without a reference.
#include <gtest/gtest.h>

#include "model/intervention/edit_hook.h"
#include "tests/intervention/random_intervention.h"

namespace cajal::intervention {
namespace {

using testing::RandomTranscoderShape;
using transcoder::ActivationKind;

// A feature that is active in the clean run of the world, by its change when it is set to 0.
ActivationChange ActiveFeature(const RandomWorld& world, int32_t layer, int32_t position) {
  InterventionRequest request;
  request.edit_sets = {{.features = {Edit(0, 0, 0, OperationKind::kAdd, 0)}}};
  const auto n = static_cast<int32_t>(world.transcoders->info().features_per_layer[0]);
  for (int32_t f = 0; f < n; ++f) request.report.features.push_back({layer, f, At(position)});
  const InterventionResult result = world.Run(request);
  for (const ActivationChange& change : result.sets[0].listed) {
    if (change.clean > 0.1F) return change;
  }
  ADD_FAILURE() << "nothing is active";
  return {};
}

InterventionRequest WithLogits() {
  InterventionRequest request;
  request.report.return_logits = true;
  return request;
}

TEST(Edits, SettingAFeatureToItsActivationChangesNothing) {
  const RandomWorld world;
  const ActivationChange active = ActiveFeature(world, 1, 5);
  InterventionRequest request = WithLogits();
  request.edit_sets = {
      {.features = {Edit(1, 5, active.feature, OperationKind::kSet, active.clean)}},
      {.features = {Edit(1, 5, active.feature, OperationKind::kScale, 1)}},
      {.features = {Edit(1, 5, active.feature, OperationKind::kAdd, 0)}}};
  const InterventionResult result = world.Run(request);
  for (const EditSetOutcome& set : result.sets) {
    EXPECT_LE(LargestDifference(set.logits, result.clean_logits), 1e-5);
    EXPECT_LE(set.kl_divergence, 1e-9);
  }
}

TEST(Edits, BoundsSetAnActivationThatLiesBeyondThemAndLeaveAnyOther) {
  const RandomWorld world;
  const ActivationChange active = ActiveFeature(world, 1, 5);
  const auto bound = [&](OperationKind kind, float factor) {
    return EditSet{.features = {Edit(1, 5, active.feature, kind, factor * active.clean)}};
  };
  InterventionRequest request = WithLogits();
  request.edit_sets = {bound(OperationKind::kSet, 0.25F), bound(OperationKind::kAtMost, 0.25F),
                       bound(OperationKind::kAtMost, 4),  bound(OperationKind::kSet, 4),
                       bound(OperationKind::kAtLeast, 4), bound(OperationKind::kAtLeast, 0.25F)};
  const InterventionResult result = world.Run(request);
  const auto& sets = result.sets;
  EXPECT_GE(LargestDifference(sets[0].logits, result.clean_logits), 1e-3);
  EXPECT_LE(LargestDifference(sets[1].logits, sets[0].logits), 1e-6);
  EXPECT_LE(LargestDifference(sets[2].logits, result.clean_logits), 1e-5);
  EXPECT_GE(LargestDifference(sets[3].logits, result.clean_logits), 1e-3);
  EXPECT_LE(LargestDifference(sets[4].logits, sets[3].logits), 1e-6);
  EXPECT_LE(LargestDifference(sets[5].logits, result.clean_logits), 1e-5);
}

TEST(Edits, SetScaleAndAddMeanTheSameActivationInTheirWays) {
  const RandomWorld world;
  const ActivationChange active = ActiveFeature(world, 1, 5);
  InterventionRequest request = WithLogits();
  request.edit_sets = {
      {.features = {Edit(1, 5, active.feature, OperationKind::kSet, 3 * active.clean)}},
      {.features = {Edit(1, 5, active.feature, OperationKind::kScale, 3)}},
      {.features = {Edit(1, 5, active.feature, OperationKind::kAdd, 2 * active.clean)}}};
  const InterventionResult result = world.Run(request);
  EXPECT_GE(LargestDifference(result.sets[0].logits, result.clean_logits), 1e-3);
  EXPECT_LE(LargestDifference(result.sets[0].logits, result.sets[1].logits), 1e-5);
  EXPECT_LE(LargestDifference(result.sets[0].logits, result.sets[2].logits), 1e-5);
}

TEST(Edits, SetsOfOneCallDoNotTouchEachOther) {
  const RandomWorld world({}, {.activation = ActivationKind::kReluTopK});
  InterventionRequest request = WithLogits();
  for (int32_t i = 0; i < 5; ++i) {
    request.edit_sets.push_back({.features = {Edit(i % 4, 2 + i, 3 * i, OperationKind::kSet, 4),
                                              Edit(2, 8, 7, OperationKind::kScale, 2)}});
  }
  const InterventionResult together = world.Run(request);
  const InterventionResult in_two_batches = world.Run(request, /*sets_at_once=*/3);
  for (size_t i = 0; i < request.edit_sets.size(); ++i) {
    InterventionRequest alone = WithLogits();
    alone.edit_sets = {request.edit_sets[i]};
    const InterventionResult single = world.Run(alone);
    EXPECT_LE(LargestDifference(together.sets[i].logits, single.sets[0].logits), 1e-5);
    EXPECT_LE(LargestDifference(in_two_batches.sets[i].logits, single.sets[0].logits), 1e-5);
  }
}

TEST(Edits, TheBaselineIsTheRunningRunUnlessLayersAreFrozen) {
  const RandomWorld world;
  const ActivationChange later = ActiveFeature(world, 3, 8);
  // An edit in layer 0 changes the activation that the one in layer 3 starts from.
  const std::vector<FeatureEdit> edits = {Edit(0, 8, 1, OperationKind::kSet, 20),
                                          Edit(3, 8, later.feature, OperationKind::kSet, 5)};
  const auto logits_with = [&](FreezeKind freeze, Baseline baseline) {
    InterventionRequest request = WithLogits();
    request.edit_sets = {{.features = edits}};
    request.run = {.freeze = {freeze, 1, 2}, .baseline = baseline};
    return world.Run(request).sets[0].logits;
  };
  for (const FreezeKind freeze : {FreezeKind::kNone, FreezeKind::kAttention}) {
    EXPECT_EQ(logits_with(freeze, Baseline::kAutomatic), logits_with(freeze, Baseline::kRunning));
    EXPECT_GE(LargestDifference(logits_with(freeze, Baseline::kRunning),
                                logits_with(freeze, Baseline::kClean)),
              1e-3);
  }
  EXPECT_EQ(logits_with(FreezeKind::kLayers, Baseline::kAutomatic),
            logits_with(FreezeKind::kLayers, Baseline::kClean));
}

TEST(Edits, PlainReluTakesWhatTopKDropped) {
  const RandomWorld world({}, {.activation = ActivationKind::kReluTopK});
  InterventionRequest request = WithLogits();
  // Of 24 features about half have positive pre-activations, and TopK keeps 6.
  for (int32_t f = 0; f < 24; ++f) request.report.features.push_back({1, f, At(5)});
  request.edit_sets = {{.features = {Edit(0, 0, 0, OperationKind::kAdd, 0)}}};
  const InterventionResult clean = world.Run(request);
  for (const ActivationChange& change : clean.sets[0].listed) {
    if (change.clean > 0 || change.clean_pre_activation < 0.1F) continue;
    InterventionRequest doubled = WithLogits();
    doubled.edit_sets = {{.features = {Edit(1, 5, change.feature, OperationKind::kScale, 2)}}};
    EXPECT_LE(LargestDifference(world.Run(doubled).sets[0].logits, clean.clean_logits), 1e-5);
    doubled.run.plain_relu_baseline = true;
    InterventionRequest added = WithLogits();
    added.edit_sets = {{.features = {Edit(1, 5, change.feature, OperationKind::kAdd,
                                          change.clean_pre_activation)}}};
    EXPECT_LE(LargestDifference(world.Run(doubled).sets[0].logits, world.Run(added).sets[0].logits),
              1e-5);
    return;
  }
  FAIL() << "TopK dropped nothing";
}

TEST(Edits, ActivationsAtZeroedPositionsCountAsZero) {
  const RandomWorld world;
  const ActivationChange active = ActiveFeature(world, 1, 5);
  InterventionRequest request = WithLogits();
  request.run.zero_positions = 6;
  request.edit_sets = {{.features = {Edit(1, 5, active.feature, OperationKind::kScale, 9)}},
                       {.features = {Edit(1, 5, active.feature, OperationKind::kSet, 0)}}};
  request.report.features = {{1, active.feature, At(5)}};
  const InterventionResult result = world.Run(request);
  EXPECT_EQ(result.sets[0].listed[0].clean, 0);
  for (const EditSetOutcome& set : result.sets) {
    EXPECT_LE(LargestDifference(set.logits, result.clean_logits), 1e-5);
  }
}

TEST(Edits, FrozenLayersKeepTheirOutputsAndPassOnWhatIsAdded) {
  // Layers 1 to 3 of 4 frozen: an edit in layer 0 reaches the logits only through attention's
  // values and the norms, so that an edit of a frozen layer's feature input is without effect.
  const RandomWorld world;
  InterventionRequest request = WithLogits();
  request.run.freeze = {FreezeKind::kLayers, 1, 3};
  const std::vector<float> vector(16, 5.0F);
  request.edit_sets = {
      {.hooks =
           {{.hook = "blocks.2.mlp.hook_in", .positions = At(-1), .add = true, .vector = vector}}},
      {.hooks = {
           {.hook = "blocks.0.mlp.hook_in", .positions = At(-1), .add = true, .vector = vector}}}};
  const InterventionResult result = world.Run(request);
  EXPECT_LE(LargestDifference(result.sets[0].logits, result.clean_logits), 1e-5);
  EXPECT_GE(LargestDifference(result.sets[1].logits, result.clean_logits), 1e-3);
}

TEST(Edits, ADonorsLastResidualGivesTheDonorsLogits) {
  const RandomWorld world;
  gemma3::ModelInput donor;
  donor.token_ids = testing::RandomTensors(99).TokenIds(6, 40);
  InterventionRequest request = WithLogits();
  request.edit_sets = {{.hooks = {{.hook = "blocks.3.hook_resid_post",
                                   .positions = At(-1),
                                   .from_donor = true,
                                   .donor_positions = At(5)}}},
                       {.hooks = {{.hook = "blocks.3.hook_resid_post",
                                   .positions = At(-1),
                                   .strength = 0,
                                   .from_donor = true,
                                   .donor_positions = At(5)}}}};
  const InterventionResult result = world.Run(request, 64, &donor);
  RandomWorld other;
  other.input = donor;
  InterventionRequest clean = WithLogits();
  clean.edit_sets = {{.features = {Edit(0, 0, 0, OperationKind::kAdd, 0)}}};
  const std::vector<float> donor_logits = other.Run(clean).clean_logits;
  const std::vector<float> expected(donor_logits.end() - 40, donor_logits.end());
  const std::vector<float>& edited = result.sets[0].logits;
  EXPECT_LE(LargestDifference({edited.end() - 40, edited.end()}, expected), 1e-5);
  // No other position has changed.
  EXPECT_LE(LargestDifference({edited.begin(), edited.end() - 40},
                              {result.clean_logits.begin(), result.clean_logits.end() - 40}),
            1e-5);
  EXPECT_LE(LargestDifference(result.sets[1].logits, result.clean_logits), 1e-5);
}

TEST(Edits, AllChangedActivationsComeLargestFirstAndAgreeWithTheListedOnes) {
  for (const ActivationKind kind :
       {ActivationKind::kTopK, ActivationKind::kJumpRelu, ActivationKind::kBatchTopK}) {
    const RandomWorld world({}, {.activation = kind});
    InterventionRequest request;
    request.edit_sets = {{.features = {Edit(0, 6, 2, OperationKind::kSet, 8)}},
                         {.features = {Edit(2, 6, 2, OperationKind::kSet, 8)}}};
    request.report.all_changed = true;
    request.report.limit = 0;
    for (int32_t layer = 0; layer < 4; ++layer) {
      for (int32_t f = 0; f < 24; ++f) {
        request.report.features.push_back({layer, f, {.kind = PositionKind::kAll}});
      }
    }
    const InterventionResult result = world.Run(request);
    for (const EditSetOutcome& set : result.sets) {
      std::vector<std::array<float, 7>> listed;
      std::vector<std::array<float, 7>> changed;
      const auto row = [](const ActivationChange& c) {
        return std::array<float, 7>{static_cast<float>(c.layer),
                                    static_cast<float>(c.position),
                                    static_cast<float>(c.feature),
                                    c.clean,
                                    c.edited,
                                    c.clean_pre_activation,
                                    c.edited_pre_activation};
      };
      for (const ActivationChange& c : set.listed) {
        if (std::abs(c.clean - c.edited) > 1e-4) listed.push_back(row(c));
      }
      float last = INFINITY;
      for (const ActivationChange& c : set.changed) {
        const float change = std::abs(c.clean - c.edited);
        EXPECT_LE(change, last);
        last = change;
        if (change > 1e-4) changed.push_back(row(c));
      }
      std::sort(listed.begin(), listed.end());
      std::sort(changed.begin(), changed.end());
      ASSERT_EQ(listed.size(), changed.size());
      EXPECT_FALSE(listed.empty());
      for (size_t i = 0; i < listed.size(); ++i) {
        for (size_t j = 0; j < 7; ++j) EXPECT_NEAR(listed[i][j], changed[i][j], 1e-4);
      }
    }
  }
}

TEST(Edits, TheRunStopsBetweenBatchesWhenItIsToldTo) {
  const RandomWorld world;
  InterventionRequest request;
  for (int i = 0; i < 4; ++i) {
    request.edit_sets.push_back({.features = {Edit(0, 3, 1, OperationKind::kSet, 1)}});
  }
  const auto plan = PlanIntervention(request, world.Limits());
  ASSERT_THAT(plan, testing::IsOk());
  const auto stop = std::make_shared<StopFlag>();
  int64_t reached = 0;
  RunContext context(stop, RunContext::Clock::time_point::max(), [&](const Progress& progress) {
    if (progress.phase != "edit") return;
    EXPECT_EQ(progress.total, 4);
    reached = progress.done;
    if (progress.done == 2) stop->RequestStop(absl::StatusCode::kCancelled);
  });
  const auto result = Intervene(
      world.model, *world.transcoders,
      {.input = world.input, .request = request, .plan = *plan, .sets_at_once = 1}, &context);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(reached, 2);
}

TEST(WritesOfPass, AreThoseOfItsPositionsAndOfGeneratedTokens) {
  ResolvedEdits edits;
  edits.features = {{.layer = 0, .position = 2, .feature = 5}, {.layer = 1, .position = 4}};
  edits.generated_features = {{.layer = 3, .feature = 7}};
  // A prompt of 5 positions in two chunks, then one generated token at a time.
  const PassWrites first = WritesOfPass(edits, 0, 3, 5);
  ASSERT_EQ(first.features.size(), 1U);
  EXPECT_EQ(first.features[0].position, 2);
  const PassWrites second = WritesOfPass(edits, 3, 5, 5);
  ASSERT_EQ(second.features.size(), 1U);
  EXPECT_EQ(second.features[0].position, 1);
  EXPECT_EQ(second.features[0].layer, 1);
  const PassWrites third = WritesOfPass(edits, 6, 7, 5);
  ASSERT_EQ(third.features.size(), 1U);
  EXPECT_EQ(third.features[0].position, 0);
  EXPECT_EQ(third.features[0].feature, 7);
}

}  // namespace
}  // namespace cajal::intervention
