// Patching experiments on random models, against the same edits made by Intervene.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "model/intervention/patch_activations.h"
#include "tests/intervention/random_intervention.h"

namespace cajal::intervention {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

PromptShape TwoPictures(int32_t n_positions, int32_t first, int32_t second) {
  return {.n_positions = n_positions,
          .image_spans = {{.image = 0, .crop = -1, .begin = first, .end = first + 4},
                          {.image = 1, .crop = -1, .begin = second, .end = second + 4}},
          .tokens_per_image = 4,
          .zero_positions = 1};
}

TEST(ResolveMap, SamePositionsGoAsFarAsTheShorterPrompt) {
  const auto pairs = ResolveMap({}, {.n_positions = 3}, {.n_positions = 5});
  EXPECT_THAT(*pairs, ElementsAre(PositionPair{0, 0}, PositionPair{1, 1}, PositionPair{2, 2}));
}

TEST(ResolveMap, PicturesArePairedTokenByToken) {
  const auto pairs =
      ResolveMap({.kind = PositionMapKind::kImage}, TwoPictures(12, 1, 6), TwoPictures(20, 3, 10));
  ASSERT_THAT(pairs, IsOk());
  ASSERT_EQ(pairs->size(), 8U);
  EXPECT_EQ((*pairs)[1], (PositionPair{2, 4}));
  EXPECT_EQ((*pairs)[7], (PositionPair{9, 13}));
}

TEST(ResolveMap, TheLastPositionAlone) {
  EXPECT_THAT(*ResolveMap({.kind = PositionMapKind::kLast}, {.n_positions = 3}, {.n_positions = 5}),
              ElementsAre(PositionPair{2, 4}));
}

TEST(ResolveMap, ExplicitPairsCountFromBothEnds) {
  const PositionMap map{.kind = PositionMapKind::kExplicit, .pairs = {{-1, 0}, {1, -2}}};
  EXPECT_THAT(*ResolveMap(map, {.n_positions = 3}, {.n_positions = 5}),
              ElementsAre(PositionPair{2, 0}, PositionPair{1, 3}));
}

TEST(ResolveMap, WhatCannotBePairedIsRefused) {
  const PromptShape text{.n_positions = 4};
  const auto images = ResolveMap({.kind = PositionMapKind::kImage}, TwoPictures(12, 1, 6), text);
  EXPECT_THAT(images, HasReason("IMAGE_COUNT"));
  EXPECT_THAT(images, FailsWith(kInvalid, "the donor has 2 pictures and the recipient 0"));
  EXPECT_THAT(ResolveMap({.kind = PositionMapKind::kImage}, text, text), HasReason("IMAGE_COUNT"));
  const auto explicit_map = [&](const std::vector<PositionPair>& pairs) {
    return ResolveMap({.kind = PositionMapKind::kExplicit, .pairs = pairs}, text, text);
  };
  EXPECT_THAT(explicit_map({}), HasField("map.pairs"));
  EXPECT_THAT(explicit_map({{0, 0}, {4, 1}}), HasField("map.pairs[1].donor"));
  EXPECT_THAT(explicit_map({{0, -5}}), HasField("map.pairs[0].recipient"));
  EXPECT_THAT(explicit_map({{0, 0}, {-4, 1}}), HasField("map.pairs[1]"));
  EXPECT_THAT(explicit_map({{0, 0}, {1, 1}}), IsOk());
}

TEST(MostEncodedPlacesOfPatch, CountsTheLayerWithTheMost) {
  EXPECT_EQ(MostEncodedPlaces(PatchPlan{}).n_rows, 0);
  // Layer 1: two features at position 4. Layer 2: positions 5 and 6.
  const PatchPlan plan{
      .places = {
          {1, 0, {2, 4}}, {1, 9, {2, 4}}, {1, 3, {2, 4}}, {2, 0, {3, 5}}, {2, 0, {4, 6}, true}}};
  EXPECT_EQ(MostEncodedPlaces(plan).n_rows, 2);
  EXPECT_EQ(MostEncodedPlaces(plan).n_features, 3);
}

// Features write to two layers above their own, too.
constexpr testing::RandomTranscoderShape kCrossLayer = {.n_targets = 3};

class PatchTest : public ::testing::Test {
 protected:
  PatchTest() { donor_.token_ids = testing::RandomTensors(77).TokenIds(7, 40); }

  [[nodiscard]] EditLimits LimitsOf(const gemma3::ModelInput& input) const {
    EditLimits limits = world_.Limits();
    limits.donor.reset();
    limits.prompt.n_positions = static_cast<int32_t>(input.token_ids.size());
    if (&input == &donor_) limits.prompt.image_spans = donor_spans_;
    return limits;
  }

  [[nodiscard]] PatchLimits Limits() const {
    return {.features_per_layer = world_.transcoders->info().features_per_layer,
            .donor = LimitsOf(donor_).prompt,
            .recipient = world_.Limits().prompt,
            .max_positions = 100,
            .vocab_size = 40};
  }

  [[nodiscard]] absl::StatusOr<PatchResult> Patch(const PatchRequest& request) const {
    const auto plan = PlanPatch(request, Limits());
    if (!plan.ok()) return plan.status();
    RunContext context;
    const EditLimits of_donor = LimitsOf(donor_);
    const EditLimits of_recipient = LimitsOf(world_.input);
    const auto resolve = [&](const EditLimits& limits) {
      return *ResolveClamps(request.clamps.clamps, limits, "session");
    };
    return PatchActivations(world_.model, *world_.transcoders,
                            {.donor = donor_,
                             .recipient = world_.input,
                             .donor_limits = of_donor,
                             .recipient_limits = of_recipient,
                             .request = request,
                             .plan = *plan,
                             .donor_clamps = resolve(of_donor),
                             .recipient_clamps = resolve(of_recipient),
                             .sets_at_once = 2},
                            &context);
  }

  // Activations of all features of a layer at a position of a prompt's clean run.
  [[nodiscard]] std::vector<float> Activations(const gemma3::ModelInput& input, int32_t layer,
                                               int32_t position) const {
    RandomWorld world({}, kCrossLayer);
    world.input = input;
    InterventionRequest request;
    request.edit_sets = {{.features = {Edit(0, 1, 0, OperationKind::kAdd, 0)}}};
    for (int32_t f = 0; f < 24; ++f) request.report.features.push_back({layer, f, At(position)});
    const InterventionResult result = world.Run(request);
    std::vector<float> values;
    for (const ActivationChange& change : result.sets[0].listed) values.push_back(change.clean);
    return values;
  }

  // The logits of a run with these edits, made by Intervene.
  [[nodiscard]] std::vector<float> LogitsWith(const gemma3::ModelInput& input,
                                              std::vector<FeatureEdit> edits) const {
    RandomWorld world({}, kCrossLayer);
    world.input = input;
    InterventionRequest request;
    request.edit_sets = {{.features = std::move(edits)}};
    request.report.return_logits = true;
    return world.Run(request).sets[0].logits;
  }

  const RandomWorld world_{{}, kCrossLayer};  // the recipient, 9 positions
  std::vector<tokenizer::ImageSpan> donor_spans_;
  gemma3::ModelInput donor_;  // 7 positions
};

TEST_F(PatchTest, ListedFeaturesAreSetToMultiplesOfTheDonorsActivations) {
  PatchRequest request;
  request.features = {{1, 3, At(-1)}, {2, 5, At(-1)}};
  request.map.kind = PositionMapKind::kLast;
  request.strengths = {1, -2.5};
  request.report.return_logits = true;
  const auto result = Patch(request);
  ASSERT_THAT(result, IsOk());
  const float a = Activations(donor_, 1, 6)[3];
  const float b = Activations(donor_, 2, 6)[5];
  ASSERT_EQ(result->features.size(), 2U);
  EXPECT_NEAR(result->features[0].donor, a, 1e-5);
  EXPECT_NEAR(result->features[1].recipient, Activations(world_.input, 2, 8)[5], 1e-5);
  EXPECT_EQ(result->features[0].donor_position, 6);
  EXPECT_EQ(result->features[0].recipient_position, 8);
  ASSERT_EQ(result->runs.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    const float s = request.strengths[i];
    EXPECT_EQ(result->runs[i].strength, s);
    EXPECT_EQ(result->runs[i].n_features, 2);
    EXPECT_LE(
        LargestDifference(result->recipient.sets[i].logits,
                          LogitsWith(world_.input, {Edit(1, 8, 3, OperationKind::kSet, s * a),
                                                    Edit(2, 8, 5, OperationKind::kSet, s * b)})),
        1e-4);
  }
}

TEST_F(PatchTest, ALayerRangeTakesAllThatIsActiveInEitherPrompt) {
  PatchRequest request;
  request.layers = LayerRange{1, 2};
  request.map = {.kind = PositionMapKind::kExplicit, .pairs = {{4, 6}, {0, 0}}};
  request.report.return_logits = true;
  const auto result = Patch(request);
  ASSERT_THAT(result, IsOk());
  std::vector<FeatureEdit> edits;
  for (const int32_t layer : {1, 2}) {
    const std::vector<float> donor = Activations(donor_, layer, 4);
    const std::vector<float> recipient = Activations(world_.input, layer, 6);
    for (int32_t f = 0; f < 24; ++f) {
      if (donor[f] == 0 && recipient[f] == 0) continue;
      edits.push_back(Edit(layer, 6, f, OperationKind::kSet, donor[f]));
    }
  }
  EXPECT_EQ(result->features.size(), edits.size());  // position 0 has no features
  EXPECT_LE(LargestDifference(result->recipient.sets[0].logits, LogitsWith(world_.input, edits)),
            1e-4);
}

TEST_F(PatchTest, ClampsHoldInTheRunsOfBothPrompts) {
  PatchRequest request;
  request.clamps.clamps = {
      {.name = "low", .features = {{0, 3}, {0, 7}}, .operation = {OperationKind::kAtLeast, 3}}};
  std::vector<FeatureEdit> held;  // the same as edits
  for (const int32_t feature : {3, 7}) {
    held.push_back(Edit(0, 0, feature, OperationKind::kAtLeast, 3));
    held.back().positions.kind = PositionKind::kAll;
  }
  RandomWorld donor({}, kCrossLayer);
  donor.input = donor_;
  InterventionRequest of_donor;
  of_donor.edit_sets = {{.features = held}};
  for (int32_t f = 0; f < 24; ++f) of_donor.report.features.push_back({2, f, At(6)});
  const auto listed = donor.Run(of_donor).sets[0].listed;
  const ActivationChange in_donor = *std::max_element(
      listed.begin(), listed.end(), [](const ActivationChange& x, const ActivationChange& y) {
        return x.edited - x.clean < y.edited - y.clean;
      });
  ASSERT_GT(in_donor.edited - in_donor.clean, 0.1);

  request.features = {{2, in_donor.feature, At(-1)}};
  request.map.kind = PositionMapKind::kLast;
  request.report.return_logits = true;
  const auto result = Patch(request);
  ASSERT_THAT(result, IsOk());
  EXPECT_NEAR(result->features[0].donor, in_donor.edited, 1e-5);
  EXPECT_LE(LargestDifference(result->recipient.clean_logits, LogitsWith(world_.input, held)),
            1e-5);
  held.push_back(Edit(2, 8, in_donor.feature, OperationKind::kSet, in_donor.edited));
  EXPECT_LE(LargestDifference(result->recipient.sets[0].logits, LogitsWith(world_.input, held)),
            1e-4);

  request.features = {{0, 3, At(-1)}};
  EXPECT_THAT(Patch(request), FailsWith(kInvalid, "which clamp 'low' of the session holds"));
}

TEST_F(PatchTest, ClampsOfOnePromptAloneHoldInItsRuns) {
  donor_spans_ = {{.image = 0, .crop = -1, .begin = 2, .end = 6}};
  PatchRequest request;
  request.clamps.clamps = {{.name = "low",
                            .features = {{0, 3}, {0, 7}},
                            .operation = {OperationKind::kAtLeast, 3},
                            .places = {.text = false, .generated = false}}};
  request.features = {{3, 5, At(-1)}};
  request.map.kind = PositionMapKind::kLast;
  request.report.return_logits = true;
  request.reverse = true;
  for (const bool unclamped : {false, true}) {
    request.clamps.unclamped_clean_run = unclamped;
    const auto result = Patch(request);
    ASSERT_THAT(result, IsOk());
    std::vector<FeatureEdit> edits = {
        Edit(3, 6, 5, OperationKind::kSet, result->features[0].recipient)};
    EXPECT_GT(LargestDifference(result->donor->sets[0].logits, LogitsWith(donor_, edits)), 1e-2);
    for (int32_t position = 2; position < 6; ++position) {
      for (const int32_t feature : {3, 7}) {
        edits.push_back(Edit(0, position, feature, OperationKind::kAtLeast, 3));
      }
    }
    EXPECT_LE(LargestDifference(result->donor->sets[0].logits, LogitsWith(donor_, edits)), 1e-4);
  }
}

TEST_F(PatchTest, TheReverseExperimentWritesTheRecipientsActivationsIntoTheDonor) {
  PatchRequest request;
  request.features = {{1, 3, At(4)}};
  request.suppressed = {{2, 5, At(5)}, {2, 6, At(8)}};  // position 8 has no partner
  request.reverse = true;
  request.report.return_logits = true;
  const auto result = Patch(request);
  ASSERT_THAT(result, IsOk());
  const float donor = Activations(donor_, 1, 4)[3];
  EXPECT_LE(LargestDifference(result->recipient.sets[0].logits,
                              LogitsWith(world_.input, {Edit(1, 4, 3, OperationKind::kSet, donor),
                                                        Edit(2, 5, 5, OperationKind::kSet, 0),
                                                        Edit(2, 8, 6, OperationKind::kSet, 0)})),
            1e-4);
  ASSERT_TRUE(result->donor.has_value());
  EXPECT_EQ(result->donor->n_positions, 7);
  EXPECT_LE(
      LargestDifference(
          result->donor->sets[0].logits,
          LogitsWith(donor_,
                     {Edit(1, 4, 3, OperationKind::kSet, Activations(world_.input, 1, 4)[3]),
                      Edit(2, 5, 5, OperationKind::kSet, Activations(world_.input, 2, 5)[5])})),
      1e-4);
}

TEST_F(PatchTest, ASweepGoesOverLayersAndStrengths) {
  PatchRequest request;
  request.features = {{1, 3, At(4)}, {1, 4, At(4)}, {3, 5, At(4)}};
  request.strengths = {1, 2};
  request.by_layer = true;
  request.report.return_logits = true;
  const auto result = Patch(request);
  ASSERT_THAT(result, IsOk());
  std::vector<std::array<float, 3>> runs;
  for (const PatchRun& run : result->runs) {
    runs.push_back(
        {static_cast<float>(run.layer), run.strength, static_cast<float>(run.n_features)});
  }
  using Row = std::array<float, 3>;
  EXPECT_THAT(runs, ElementsAre(Row{-1, 1, 3}, Row{-1, 2, 3}, Row{1, 1, 2}, Row{1, 2, 2},
                                Row{3, 1, 1}, Row{3, 2, 1}));
  ASSERT_EQ(result->recipient.sets.size(), 6U);
  EXPECT_LE(LargestDifference(result->recipient.sets[5].logits,
                              LogitsWith(world_.input, {Edit(3, 4, 5, OperationKind::kSet,
                                                             2 * Activations(donor_, 3, 4)[5])})),
            1e-4);
}

TEST_F(PatchTest, APromptPatchedWithItselfDoesNotChange) {
  PatchRequest request;
  request.layers = LayerRange{0, 3};
  request.report.return_logits = true;
  donor_ = world_.input;
  const auto result = Patch(request);
  ASSERT_THAT(result, IsOk());
  EXPECT_LE(LargestDifference(result->recipient.sets[0].logits, result->recipient.clean_logits),
            1e-4);
}

TEST_F(PatchTest, RefusesWhatCannotBeWritten) {
  const auto refused = [this](const PatchRequest& request) {
    return PlanPatch(request, Limits()).status();
  };
  PatchRequest good;
  good.features = {{1, 3, At(4)}};
  EXPECT_THAT(Patch(good), IsOk());

  EXPECT_THAT(refused({}), HasField("features"));
  PatchRequest request = good;
  request.features = {{1, 24, At(4)}};
  EXPECT_THAT(refused(request), HasField("features[0].feature"));
  request.features = {{1, 3, At(7)}};  // the donor has 7 positions
  EXPECT_THAT(refused(request), HasField("features[0].positions"));
  request = good;
  request.map.kind = PositionMapKind::kLast;
  EXPECT_THAT(refused(request), FailsWith(kInvalid, "position 4 of the donor has no partner"));
  request = good;
  request.suppressed = {{1, 3, At(4)}};
  EXPECT_THAT(refused(request), HasReason("CONFLICTING_EDITS"));
  request = good;
  request.strengths = {1, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THAT(refused(request), HasField("strengths[1]"));
  request.strengths = {};
  EXPECT_THAT(refused(request), HasField("strengths"));
  request = good;
  request.layers = LayerRange{0, 4};
  EXPECT_THAT(refused(request), FailsWith(kInvalid, "must be a range from 0 to 3, not 0 to 4"));
  request = good;
  request.run.freeze = {FreezeKind::kLayers, 0, 9};
  EXPECT_THAT(refused(request), HasField("settings.freeze.last_layer"));
  EXPECT_THAT(refused(good), IsOk());

  PatchRequest nothing;
  nothing.layers = LayerRange{0, 3};
  nothing.map = {.kind = PositionMapKind::kExplicit, .pairs = {{0, 0}}};  // no features there
  EXPECT_THAT(Patch(nothing), HasReason("NOTHING_ACTIVE"));
}

}  // namespace
}  // namespace cajal::intervention
