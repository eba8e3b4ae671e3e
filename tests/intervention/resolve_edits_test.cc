// Which edits are understood, and what is said of the others.
#include "model/intervention/resolve_edits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "model/intervention/intervention_plan.h"
#include "tests/intervention/random_intervention.h"

namespace cajal::intervention {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// 12 positions: text, a picture of 4 tokens with a crop of 4, text.
const PromptShape kPrompt = {.n_positions = 12,
                             .image_spans = {{.image = 0, .crop = -1, .begin = 2, .end = 6},
                                             {.image = 0, .crop = 0, .begin = 6, .end = 10}},
                             .tokens_per_image = 4,
                             .zero_positions = 1};

absl::StatusOr<std::vector<int32_t>> Resolve(const Positions& positions) {
  return ResolvePositions(positions, kPrompt, "positions");
}

TEST(Positions, CountFromBothEnds) {
  EXPECT_THAT(*Resolve(At(3)), ElementsAre(3));
  EXPECT_THAT(*Resolve(At(-12)), ElementsAre(0));
  EXPECT_THAT(*Resolve({.first = -3, .last = -1}), ElementsAre(9, 10, 11));
  EXPECT_THAT(*Resolve({.first = 10, .last = -1}), ElementsAre(10, 11));
}

TEST(Positions, OfAPictureAreItsSquareWithoutCrops) {
  EXPECT_THAT(*Resolve({.kind = PositionKind::kImage}), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(*Resolve({.kind = PositionKind::kImage, .row = 1}), ElementsAre(4, 5));
  EXPECT_THAT(*Resolve({.kind = PositionKind::kImage, .column = 1}), ElementsAre(3, 5));
  EXPECT_THAT(*Resolve({.kind = PositionKind::kImage, .row = 1, .column = 0}), ElementsAre(4));
}

TEST(Positions, AllAreThoseThatHaveFeatures) {
  EXPECT_EQ(Resolve({.kind = PositionKind::kAll})->front(), 1);
  EXPECT_EQ(Resolve({.kind = PositionKind::kAll})->size(), 11U);
  EXPECT_THAT(*Resolve({.kind = PositionKind::kGenerated}), ElementsAre());
}

TEST(Positions, OutsideThePromptAreRefusedWithTheRange) {
  EXPECT_THAT(Resolve(At(12)), FailsWith(kInvalid, "from 0 to 11, or from -12 to -1"));
  EXPECT_THAT(Resolve(At(-13)), HasField("positions"));
  EXPECT_THAT(Resolve({.first = 5, .last = 4}), FailsWith(kInvalid, "before it begins at 5"));
  EXPECT_THAT(Resolve({.kind = PositionKind::kImage, .image = 1}),
              FailsWith(kInvalid, "image must be from 0 to 0, not 1"));
  EXPECT_THAT(Resolve({.kind = PositionKind::kImage, .row = 2}),
              FailsWith(kInvalid, "row must be from 0 to 1, or -1 for all, not 2"));
  EXPECT_THAT(ResolvePositions({.kind = PositionKind::kImage}, {.n_positions = 3}, "positions"),
              FailsWith(kInvalid, "the prompt has none"));
}

class ResolveEditsTest : public ::testing::Test {
 protected:
  [[nodiscard]] absl::StatusOr<ResolvedEdits> Resolve(const EditSet& set) const {
    return ResolveEdits(set, world_.Limits(), "edit_sets[0]");
  }
  [[nodiscard]] HookEdit Hook(const std::string& name) const {
    return {.hook = name, .positions = At(3), .vector = std::vector<float>(16, 1)};
  }

  const RandomWorld world_;  // 4 layers of 24 features, d_model 16, 9 positions
};

TEST_F(ResolveEditsTest, EditsBecomeWritesInTheOrderOfTheComputation) {
  FeatureEdit later = Edit(2, 0, 5, OperationKind::kSet, 1);
  later.positions = {.first = 3, .last = 4};
  const EditSet set{.features = {later, Edit(0, -1, 7, OperationKind::kScale, 2)},
                    .hooks = {Hook("blocks.*.hook_resid_mid")}};
  const auto resolved = Resolve(set);
  ASSERT_THAT(resolved, IsOk());
  ASSERT_EQ(resolved->features.size(), 3U);
  EXPECT_EQ(resolved->features[0].layer, 0);
  EXPECT_EQ(resolved->features[0].position, 8);
  EXPECT_EQ(resolved->features[2].position, 4);
  EXPECT_EQ(resolved->hooks.size(), 4U);
  EXPECT_EQ(resolved->hooks[3].point.layer, 3);
}

TEST_F(ResolveEditsTest, EditsOfGeneratedTokensAreKeptApart) {
  FeatureEdit edit = Edit(2, 0, 5, OperationKind::kSet, 1);
  edit.positions = {.kind = PositionKind::kGenerated};
  const EditSet set{.features = {edit, Edit(2, 8, 5, OperationKind::kSet, 2)}};
  const auto resolved = Resolve(set);
  ASSERT_THAT(resolved, IsOk());
  EXPECT_EQ(resolved->features.size(), 1U);
  EXPECT_EQ(resolved->generated_features.size(), 1U);
  // Intervene makes no tokens.
  EXPECT_THAT(PlanIntervention({.edit_sets = {set}}, world_.Limits()),
              HasField("edit_sets[0].feature_edits[0].positions"));
}

TEST(MostEncodedPlaces, CountsTheLayerWithTheMost) {
  EXPECT_EQ(MostEncodedPlaces({}).n_rows, 0);
  // Layer 1: position 4 twice. Layer 2: positions 3, 5 and 8. Layer 3: position 8 again.
  const std::vector<FeatureWrite> writes = {{1, 4, 0, {}}, {1, 4, 9, {}}, {2, 3, 0, {}},
                                            {2, 5, 0, {}}, {2, 8, 0, {}}, {3, 8, 0, {}}};
  EXPECT_EQ(MostEncodedPlaces(writes).n_rows, 3);
  EXPECT_EQ(MostEncodedPlaces(writes).n_features, 3);
}

TEST_F(ResolveEditsTest, LayersAndFeaturesThatDoNotExistAreRefused) {
  EXPECT_THAT(Resolve({.features = {Edit(4, 0, 0, OperationKind::kSet, 0)}}),
              FailsWith(kInvalid, "edit_sets[0].feature_edits[0].layer: must be from 0 to 3"));
  EXPECT_THAT(Resolve({.features = {Edit(-1, 0, 0, OperationKind::kSet, 0)}}),
              HasField("edit_sets[0].feature_edits[0].layer"));
  EXPECT_THAT(Resolve({.features = {Edit(3, 1, 0, OperationKind::kSet, 0),
                                    Edit(3, 0, 24, OperationKind::kSet, 0)}}),
              FailsWith(kInvalid, "[1].feature: must be from 0 to 23 in layer 3, not 24"));
  EXPECT_THAT(Resolve({.features = {Edit(3, 9, 0, OperationKind::kSet, 0)}}),
              HasField("edit_sets[0].feature_edits[0].positions"));
  EXPECT_THAT(Resolve({.features = {Edit(3, 8, 23, OperationKind::kSet, 0)}}), IsOk());
}

TEST_F(ResolveEditsTest, NumbersThatAreNotFiniteAreRefused) {
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(Resolve({.features = {Edit(0, 1, 0, OperationKind::kAdd, value)}}),
                HasField("edit_sets[0].feature_edits[0].operation"));
    HookEdit hook = Hook("blocks.0.hook_resid_pre");
    hook.strength = value;
    EXPECT_THAT(Resolve({.hooks = {hook}}), HasField("edit_sets[0].hook_edits[0].strength"));
    hook = Hook("blocks.0.hook_resid_pre");
    hook.vector[3] = value;
    EXPECT_THAT(Resolve({.hooks = {hook}}), HasField("edit_sets[0].hook_edits[0].vector"));
  }
}

TEST_F(ResolveEditsTest, TwoEditsOfOneFeatureAtOnePositionConflict) {
  FeatureEdit range = Edit(1, 0, 6, OperationKind::kSet, 1);
  range.positions = {.first = 2, .last = 5};
  const auto conflict = Resolve({.features = {range, Edit(1, 4, 6, OperationKind::kScale, 2)}});
  EXPECT_THAT(conflict, HasReason("CONFLICTING_EDITS"));
  EXPECT_THAT(conflict, HasField("edit_sets[0].feature_edits[1]"));
  EXPECT_THAT(conflict, FailsWith(kInvalid,
                                  "feature 6 of layer 1 at position 4, as "
                                  "edit_sets[0].feature_edits[0] does"));
  EXPECT_THAT(Resolve({.features = {range, Edit(1, 6, 6, OperationKind::kScale, 2)}}), IsOk());
  EXPECT_THAT(Resolve({.hooks = {Hook("blocks.0.*resid_pre"), Hook("blocks.0.hook_resid_pre")}}),
              HasReason("CONFLICTING_EDITS"));
}

TEST_F(ResolveEditsTest, HookPointsMustExistAndBeOfTheResidualStreamsWidth) {
  EXPECT_THAT(Resolve({.hooks = {Hook("blocks.9.hook_resid_pre")}}), HasReason("UNKNOWN_HOOK"));
  EXPECT_THAT(Resolve({.hooks = {Hook("blocks.9.hook_resid_pre")}}),
              HasField("edit_sets[0].hook_edits[0].hook"));
  EXPECT_THAT(Resolve({.hooks = {Hook("blocks.0.attn.hook_pattern")}}),
              FailsWith(kInvalid, "blocks.0.attn.hook_pattern cannot be written to"));
  HookEdit narrow = Hook("blocks.0.hook_resid_pre");
  narrow.vector.resize(15);
  EXPECT_THAT(Resolve({.hooks = {narrow}}),
              FailsWith(kInvalid, "as many elements as the model is wide, 16, not 15"));
  EXPECT_THAT(Resolve({.hooks = {Hook("blocks.0.hook_resid_pre")}}), IsOk());
}

TEST_F(ResolveEditsTest, DonorPositionsArePairedOrOne) {
  HookEdit edit{.hook = "ln_final.hook_out",
                .positions = {.first = 2, .last = 4},
                .from_donor = true,
                .donor_positions = {.first = 5, .last = 7}};
  const auto paired = Resolve({.hooks = {edit}});
  ASSERT_THAT(paired, IsOk());
  EXPECT_EQ(paired->hooks[2].position, 4);
  EXPECT_EQ(paired->hooks[2].donor_position, 7);
  edit.donor_positions = At(1);
  EXPECT_EQ(Resolve({.hooks = {edit}})->hooks[2].donor_position, 1);
  edit.donor_positions = {.first = 1, .last = 2};
  EXPECT_THAT(Resolve({.hooks = {edit}}),
              FailsWith(kInvalid, "must be one position, or as many as are written to, 3, not 2"));
  EditLimits no_donor = world_.Limits();
  no_donor.donor.reset();
  EXPECT_THAT(ResolveEdits({.hooks = {edit}}, no_donor, "edit_sets[0]"), HasReason("NO_DONOR"));
}

TEST_F(ResolveEditsTest, ASetNeedsEdits) {
  EXPECT_THAT(PlanIntervention({.edit_sets = {{}}}, world_.Limits()), HasField("edit_sets[0]"));
}

TEST(CheckRequest, NamesTheFieldAndTheRange) {
  const auto check = [](const InterventionRequest& request) {
    return CheckRequest(request, /*n_layers=*/4, /*vocab_size=*/40, /*max_positions=*/100);
  };
  InterventionRequest good;
  good.edit_sets.resize(1);
  EXPECT_THAT(check(good), IsOk());
  EXPECT_THAT(check({}), FailsWith(kInvalid, "edit_sets: must have 1 to 1024 elements, not 0"));
  InterventionRequest request = good;
  request.run.freeze = {FreezeKind::kLayers, 0, 4};
  EXPECT_THAT(check(request), HasField("settings.freeze.last_layer"));
  request.run.freeze = {FreezeKind::kLayers, 2, 1};
  EXPECT_THAT(check(request), HasField("settings.freeze.last_layer"));
  request.run.freeze = {FreezeKind::kLayers, -1, 1};
  EXPECT_THAT(check(request), HasField("settings.freeze.first_layer"));
  request = good;
  request.run.zero_positions = 101;
  EXPECT_THAT(check(request), HasField("settings.zero_positions"));
  request = good;
  request.report.top_k = 41;
  EXPECT_THAT(check(request), FailsWith(kInvalid, "report.top_k: must be from 0 to 40, not 41"));
  request = good;
  request.report.limit = -1;
  EXPECT_THAT(check(request), HasField("report.limit"));
}

}  // namespace
}  // namespace cajal::intervention
