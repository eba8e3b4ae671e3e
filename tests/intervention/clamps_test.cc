// Clamps: what they hold where, beside edits and in frozen runs.
#include <gtest/gtest.h>

#include <vector>

#include "model/intervention/resolve_clamps.h"
#include "tests/intervention/random_intervention.h"

namespace cajal::intervention {
namespace {

using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;
using transcoder::ActivationKind;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Features in two layers, held wherever they are.
std::vector<Clamp> TwoClamps(OperationKind kind, float value) {
  return {{.name = "low", .features = {{0, 3}, {0, 7}}, .operation = {kind, value}},
          {.name = "high", .features = {{2, 5}}, .operation = {kind, value}}};
}

// The same as edits.
EditSet AsEdits(const std::vector<Clamp>& clamps) {
  EditSet set;
  for (const Clamp& clamp : clamps) {
    for (const auto& [layer, feature] : clamp.features) {
      set.features.push_back({.layer = layer,
                              .feature = feature,
                              .positions = {.kind = PositionKind::kAll},
                              .operation = clamp.operation});
    }
  }
  return set;
}

InterventionRequest WithLogits(std::vector<EditSet> sets, std::vector<Clamp> clamps = {}) {
  InterventionRequest request{.edit_sets = std::move(sets),
                              .clamps = {.clamps = std::move(clamps)}};
  request.report.return_logits = true;
  return request;
}

EditSet OneEdit() { return {.features = {Edit(1, 4, 6, OperationKind::kSet, 4)}}; }

TEST(Clamps, HoldInTheCleanRunAndBesideEdits) {
  for (const ActivationKind activation : {ActivationKind::kRelu, ActivationKind::kTopK}) {
    const RandomWorld world({}, {.activation = activation, .n_targets = 2});
    for (const auto& [kind, value] :
         {Operation{OperationKind::kSet, 0.7F}, Operation{OperationKind::kAtMost, 0.05F},
          Operation{OperationKind::kAtLeast, 1.5F}}) {
      const std::vector<Clamp> clamps = TwoClamps(kind, value);
      EditSet all = AsEdits(clamps);
      EditSet all_and_one = all;
      all_and_one.features.push_back(OneEdit().features[0]);
      const InterventionResult edited = world.Run(WithLogits({all, all_and_one}));
      EXPECT_GE(LargestDifference(edited.sets[0].logits, edited.clean_logits), 1e-2);

      const InterventionResult clamped = world.Run(WithLogits({OneEdit()}, clamps));
      EXPECT_LE(LargestDifference(clamped.clean_logits, edited.sets[0].logits), 1e-5);
      EXPECT_LE(LargestDifference(clamped.sets[0].logits, edited.sets[1].logits), 1e-5);
    }
  }
}

TEST(Clamps, StartFromWhatIsEncodedWhateverEditsStartFrom) {
  const RandomWorld world({}, {.activation = ActivationKind::kReluTopK, .n_targets = 2});
  const std::vector<Clamp> clamps = TwoClamps(OperationKind::kAtMost, 0.05F);
  InterventionRequest edited = WithLogits({AsEdits(clamps)});
  InterventionRequest clamped =
      WithLogits({{.features = {Edit(1, 4, 6, OperationKind::kAdd, 0)}}}, clamps);
  const InterventionResult edited_before = world.Run(edited);
  const InterventionResult clamped_before = world.Run(clamped);
  edited.run.plain_relu_baseline = true;
  clamped.run.plain_relu_baseline = true;
  EXPECT_GE(LargestDifference(world.Run(edited).sets[0].logits, edited_before.sets[0].logits),
            1e-3);
  EXPECT_EQ(LargestDifference(world.Run(clamped).sets[0].logits, clamped_before.sets[0].logits), 0);
}

TEST(Clamps, HoldOnceWhateverIsFrozen) {
  const RandomWorld world({}, {.n_targets = 2});
  const std::vector<Clamp> clamps = TwoClamps(OperationKind::kAtLeast, 2);
  const EditSet nothing{.features = {Edit(1, 4, 6, OperationKind::kAdd, 0)}};
  for (const Freeze& freeze :
       {Freeze{}, Freeze{FreezeKind::kAttention}, Freeze{FreezeKind::kLayers, 1, 2},
        Freeze{FreezeKind::kLayers, 0, 1}, Freeze{FreezeKind::kAll}}) {
    InterventionRequest request = WithLogits({nothing}, clamps);
    request.run.freeze = freeze;
    const InterventionResult result = world.Run(request);
    EXPECT_LE(LargestDifference(result.sets[0].logits, result.clean_logits), 1e-4)
        << static_cast<int>(freeze.kind);
    EXPECT_LE(result.sets[0].kl_divergence, 1e-8);
  }
}

TEST(Clamps, AreEditsWhenTheCleanRunIsUnclamped) {
  const RandomWorld world;
  const std::vector<Clamp> clamps = TwoClamps(OperationKind::kSet, 0.7F);
  const InterventionResult edited = world.Run(WithLogits({AsEdits(clamps)}));
  InterventionRequest request = WithLogits({EditSet{}, OneEdit()}, clamps);
  request.clamps.unclamped_clean_run = true;
  const InterventionResult result = world.Run(request);
  EXPECT_EQ(result.clean_logits, edited.clean_logits);
  EXPECT_LE(LargestDifference(result.sets[0].logits, edited.sets[0].logits), 1e-6);
  EXPECT_GE(LargestDifference(result.sets[1].logits, edited.sets[0].logits), 1e-3);
}

TEST(Clamps, ASetMustChangeSomethingWhenTheCleanRunIsClamped) {
  const RandomWorld world;
  InterventionRequest request = WithLogits({EditSet{}}, TwoClamps(OperationKind::kSet, 0));
  EXPECT_THAT(PlanIntervention(request, world.Limits()), HasField("edit_sets[0]"));
  request.clamps = {.unclamped_clean_run = true};
  EXPECT_THAT(PlanIntervention(request, world.Limits()), HasField("edit_sets[0]"));
}

TEST(Clamps, AnEditOfAHeldFeatureIsRefusedWithBothNames) {
  const RandomWorld world;
  std::vector<Clamp> clamps = TwoClamps(OperationKind::kSet, 0);
  const EditSet set{
      .features = {Edit(0, 4, 6, OperationKind::kSet, 4), Edit(2, 4, 5, OperationKind::kSet, 4)}};
  const auto plan = PlanIntervention(WithLogits({set}, clamps), world.Limits());
  EXPECT_THAT(plan, HasField("edit_sets[0].feature_edits[1]"));
  EXPECT_THAT(plan, HasReason("CONFLICTING_EDITS"));
  EXPECT_THAT(plan, FailsWith(kInvalid, "feature 5 of layer 2 at position 4, which clamp 'high'"));
  clamps[1].places.text = false;  // it holds elsewhere
  EXPECT_THAT(PlanIntervention(WithLogits({set}, clamps), world.Limits()), IsOk());
}

// Places of a prompt with a picture at positions 3 to 5 and four zero positions.
std::vector<int32_t> PositionsHeld(const ClampPlaces& places) {
  const RandomWorld world;
  EditLimits limits = world.Limits();
  limits.prompt = {.n_positions = 8,
                   .image_spans = {{.image = 0, .crop = -1, .begin = 3, .end = 6}},
                   .tokens_per_image = 4,
                   .zero_positions = 2};
  const auto resolved =
      ResolveClamps({{.name = "a", .features = {{1, 2}}, .places = places}}, limits, "session");
  EXPECT_THAT(resolved, IsOk());
  std::vector<int32_t> positions;
  for (const FeatureWrite& write : resolved->Writes().features) positions.push_back(write.position);
  EXPECT_EQ(resolved->Writes().generated_features.size(), places.generated ? 1U : 0U);
  return positions;
}

TEST(ResolveClamps, KnowsTextFromPicturesAndLeavesOutZeroPositions) {
  EXPECT_EQ(PositionsHeld({}), (std::vector<int32_t>{2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(PositionsHeld({.text = true, .image = false, .generated = true}),
            (std::vector<int32_t>{2, 6, 7}));
  EXPECT_EQ(PositionsHeld({.text = false, .image = true, .generated = false}),
            (std::vector<int32_t>{3, 4, 5}));
  EXPECT_TRUE(PositionsHeld({.text = false, .image = false, .generated = true}).empty());
}

TEST(ResolveClamps, RefusesFeaturesThatTheTranscodersDoNotHave) {
  const RandomWorld world;
  const auto resolved =
      ResolveClamps({{.name = "a", .features = {{4, 2}}}}, world.Limits(), "session");
  EXPECT_THAT(resolved, HasField("session[0].features[0].layer"));
}

TEST(ResolveClamps, RefusesMorePlacesThanACallMayWriteTo) {
  const RandomWorld world;
  EditLimits limits = world.Limits();
  limits.prompt.n_positions = 5000;
  std::vector<Clamp> clamps = {{.name = "wide"}};
  for (int32_t feature = 0; feature < 24; ++feature) clamps[0].features.push_back({0, feature});
  const auto resolved = ResolveClamps(clamps, limits, "session");
  EXPECT_THAT(resolved, FailsWith(kInvalid, "clamp 'wide' more than 100000 places"));
  EXPECT_THAT(resolved, HasField("session"));
}

}  // namespace
}  // namespace cajal::intervention
