// Where runs with edits begin, and that it makes no difference.
#include "model/intervention/entry_point.h"

#include <gtest/gtest.h>

#include "tests/intervention/random_intervention.h"

namespace cajal::intervention {
namespace {

using gemma3::HookPoint;
using gemma3::HookSite;
using testing::IsOk;

HookEdit HookOf(const std::string& hook, int64_t d) {
  return {.hook = hook,
          .positions = At(6),
          .add = true,
          .vector = std::vector<float>(static_cast<size_t>(d), 0.5F)};
}

FeatureEdit SetOf(int32_t layer) { return Edit(layer, 6, 2, OperationKind::kSet, 8); }

HookPoint EntryOf(const RandomWorld& world, const InterventionRequest& request) {
  const auto plan = PlanIntervention(request, world.Limits());
  EXPECT_THAT(plan, IsOk());
  return EntryOf(*plan, world.transcoders->info());
}

TEST(EntryPoint, IsTheLastResidualBeforeTheFirstEdit) {
  const RandomWorld world;
  const int64_t d = world.model.config.text.hidden_size;
  const auto entry = [&](const EditSet& edits) { return EntryOf(world, {.edit_sets = {edits}}); };
  EXPECT_EQ(entry({.features = {SetOf(2)}}), (HookPoint{HookSite::kResidMid, 2}));
  EXPECT_EQ(entry({.features = {SetOf(3), SetOf(1)}}), (HookPoint{HookSite::kResidMid, 1}));
  const auto hook = [&](const std::string& name) { return entry({.hooks = {HookOf(name, d)}}); };
  EXPECT_EQ(hook("blocks.2.hook_resid_pre"), (HookPoint{HookSite::kResidPre, 2}));
  EXPECT_EQ(hook("blocks.2.hook_attn_out"), (HookPoint{HookSite::kResidPre, 2}));
  EXPECT_EQ(hook("blocks.2.hook_resid_mid"), (HookPoint{HookSite::kResidMid, 2}));
  EXPECT_EQ(hook("blocks.2.hook_resid_post"), (HookPoint{HookSite::kResidMid, 2}));
  EXPECT_EQ(hook("ln_final.hook_out"), (HookPoint{HookSite::kResidMid, 3}));
  EXPECT_EQ(entry({.features = {SetOf(2)}, .hooks = {HookOf("blocks.2.attn.hook_in", d)}}),
            (HookPoint{HookSite::kResidPre, 2}));
}

TEST(EntryPoint, IsThatOfTheFirstSetOrClamp) {
  const RandomWorld world;
  InterventionRequest request{.edit_sets = {{.features = {SetOf(3)}}, {.features = {SetOf(2)}}}};
  EXPECT_EQ(EntryOf(world, request), (HookPoint{HookSite::kResidMid, 2}));
  request.clamps.clamps = {{.name = "silent", .features = {{1, 5}}}};
  EXPECT_EQ(EntryOf(world, request), (HookPoint{HookSite::kResidMid, 1}));
  request.clamps.unclamped_clean_run = true;
  EXPECT_EQ(EntryOf(world, request), (HookPoint{HookSite::kResidMid, 1}));
}

struct Case {
  std::string name;
  testing::RandomTranscoderShape transcoders;
  RunSettings settings;
  bool clamped = false;
};

class RunsThatBeginLate : public ::testing::TestWithParam<Case> {};

TEST_P(RunsThatBeginLate, EndLikeThoseThatBeginAtTheFirstBlock) {
  const RandomWorld world({}, GetParam().transcoders);
  const int64_t d = world.model.config.text.hidden_size;
  for (const EditSet& edits :
       {EditSet{.features = {SetOf(2)}}, EditSet{.hooks = {HookOf("blocks.3.hook_resid_mid", d)}},
        EditSet{.hooks = {HookOf("blocks.2.hook_attn_out", d)}},
        EditSet{.hooks = {HookOf("ln_final.hook_out", d)}}}) {
    InterventionRequest late{.edit_sets = {edits}, .run = GetParam().settings};
    late.report.return_logits = true;
    late.report.all_changed = true;
    late.report.limit = 0;
    for (int32_t layer = 0; layer < 4; ++layer) {
      late.report.features.push_back({layer, 2, {.kind = PositionKind::kAll}});
    }
    if (GetParam().clamped) late.clamps.clamps = {{.name = "silent", .features = {{1, 5}}}};
    InterventionRequest early = late;
    // A set that changes nothing, but in block 0.
    early.edit_sets.push_back({.features = {Edit(0, 6, 2, OperationKind::kAdd, 0)}});
    EXPECT_EQ(EntryOf(world, early), (HookPoint{HookSite::kResidMid, 0}));
    EXPECT_NE(EntryOf(world, late), EntryOf(world, early));

    const EditSetOutcome a = world.Run(late).sets[0];
    const EditSetOutcome b = world.Run(early).sets[0];
    EXPECT_LE(LargestDifference(a.logits, b.logits), 1e-5);
    ASSERT_EQ(a.listed.size(), b.listed.size());
    for (size_t i = 0; i < a.listed.size(); ++i) {
      EXPECT_NEAR(a.listed[i].edited, b.listed[i].edited, 1e-5);
      EXPECT_NEAR(a.listed[i].edited_pre_activation, b.listed[i].edited_pre_activation, 1e-5);
    }
    // What is before the first edit has not changed at all.
    for (const ActivationChange& change : a.changed) {
      EXPECT_GE(change.layer, EntryOf(world, late).layer);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Settings, RunsThatBeginLate,
    ::testing::Values(Case{"plain", {}, {}},
                      Case{"topk", {.activation = transcoder::ActivationKind::kTopK}, {}},
                      Case{"clamped", {}, {}, true},
                      Case{"cross_layer_clamped", {.n_targets = 4}, {}, true},
                      Case{"frozen_attention", {}, {.freeze = {.kind = FreezeKind::kAttention}}},
                      Case{"frozen", {.skip = true}, {.freeze = {.kind = FreezeKind::kAll}}}),
    [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace cajal::intervention
