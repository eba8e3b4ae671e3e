// Edits in a generation, against Intervene's whole passes over the prompt and what came after it.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/generation/edited_passes.h"
#include "model/generation/generate.h"
#include "tests/intervention/random_intervention.h"
#include "tests/support/status_matchers.h"

namespace cajal::generation {
namespace {

using intervention::Edit;
using intervention::EditSet;
using intervention::FeatureEdit;
using intervention::HookEdit;
using intervention::InterventionRequest;
using intervention::InterventionResult;
using intervention::Operation;
using intervention::OperationKind;
using intervention::PositionKind;
using intervention::RandomWorld;
using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;
using testing::RandomModelShape;
using testing::RandomTranscoderShape;
using transcoder::ActivationKind;

constexpr int32_t kVocab = 40;
constexpr int32_t kPrompt = 9;  // positions

FeatureEdit AtNewTokens(int32_t layer, int32_t feature, const Operation& operation) {
  return {.layer = layer,
          .feature = feature,
          .positions = {.kind = PositionKind::kGenerated},
          .operation = operation};
}

// Set, scale and add, at the prompt and at new tokens, in all layers.
EditSet EditsEverywhere() {
  return {.features = {
              Edit(0, 3, 1, OperationKind::kSet, 2), Edit(1, -1, 5, OperationKind::kScale, 3),
              Edit(3, 8, 2, OperationKind::kAdd, -1), AtNewTokens(0, 7, {OperationKind::kSet, 3}),
              AtNewTokens(1, 5, {OperationKind::kScale, -2}),
              AtNewTokens(2, 9, {OperationKind::kAdd, 1.5F}),
              AtNewTokens(3, 0, {OperationKind::kSet, 0})}};
}

// Draws at a temperature, so that tokens differ, and tells all logits.
GenerateRequest Request(std::vector<EditSet> sets, int32_t n_new = 6) {
  return {.max_new_tokens = n_new,
          .sampling = {.temperature = 2, .seed = 3},
          .top_tokens = kVocab,
          .edit_sets = std::move(sets)};
}

class EditedGenerations : public ::testing::Test {
 protected:
  void SetUp() override {
    auto tokenizer = tokenizer::Tokenizer::Load("golden/tiny");
    ASSERT_THAT(tokenizer, IsOk());
    tokenizer_ = std::make_unique<tokenizer::Tokenizer>(*std::move(tokenizer));
  }

  // The donor is the prompt itself. Fills in logits_.
  absl::StatusOr<GenerateResult> Run(const RandomWorld& world, const GenerateRequest& request) {
    RunContext context;
    const auto plan = PlanEdits(request, world.Limits());
    if (!plan.ok()) return plan.status();
    gemma3::Recording donor(intervention::DonorPoints(plan->sets));
    if (!donor.tensors().empty()) {
      EXPECT_THAT(gemma3::RunModel(world.model, world.input, &donor, &context), IsOk());
    }
    EditedPasses passes({.model = world.model,
                         .transcoders = *world.transcoders,
                         .settings = request.run,
                         .plan = *plan,
                         .donor = donor,
                         .n_prompt = static_cast<int32_t>(world.input.token_ids.size())});
    logits_.assign(static_cast<size_t>(request.samples) * (plan->sets.size() + 1), {});
    return Generate(
        {.model = world.model, .tokenizer = *tokenizer_, .stop_token_ids = {}, .edits = &passes},
        world.input, request,
        [this](const std::vector<GeneratedToken>& step) {
          for (const GeneratedToken& token : step) {
            std::vector<float>& logits =
                logits_[static_cast<size_t>(token.sequence)].emplace_back();
            logits.resize(kVocab);
            for (const CandidateToken& candidate : token.top) {
              logits[static_cast<size_t>(candidate.token_id)] = candidate.logit;
            }
          }
        },
        &context);
  }

  // Generates with one set, and compares each token's logits with those of one whole pass over the
  // prompt and the new tokens, where the edits of new tokens name their positions.
  void ExpectAsInOnePass(RandomWorld world, const EditSet& set,
                         const intervention::RunSettings& settings = {}) {
    GenerateRequest request = Request({set});
    request.run = settings;
    const auto generated = Run(world, request);
    ASSERT_THAT(generated, IsOk());
    const std::vector<int64_t>& ids = generated->sequences[1].token_ids;
    ASSERT_EQ(ids.size(), 6U);

    const gemma3::ModelInput prompt = world.input;
    const auto n_prompt = static_cast<int32_t>(prompt.token_ids.size());
    world.input.token_ids.insert(world.input.token_ids.end(), ids.begin(), ids.end() - 1);
    const auto written_out = [&](const auto& edits) {
      std::remove_cvref_t<decltype(edits)> all;
      for (auto edit : edits) {
        const bool is_generated = edit.positions.kind == PositionKind::kGenerated;
        if (edit.positions.first < 0) {
          edit.positions = intervention::At(edit.positions.first + n_prompt);
        }
        if (is_generated) edit.positions = {.first = n_prompt, .last = -1};
        all.push_back(edit);
      }
      return all;
    };
    InterventionRequest in_one_pass;
    in_one_pass.edit_sets = {
        {.features = written_out(set.features), .hooks = written_out(set.hooks)}};
    in_one_pass.run = settings;
    in_one_pass.report.return_logits = true;
    const InterventionResult expected = world.Run(in_one_pass, 64, &prompt);
    EXPECT_GE(intervention::LargestDifference(expected.sets[0].logits, expected.clean_logits), 0.1);
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto row = expected.sets[0].logits.begin() +
                       (n_prompt - 1 + static_cast<std::ptrdiff_t>(i)) * kVocab;
      EXPECT_LE(intervention::LargestDifference(logits_[1][i], {row, row + kVocab}), 1e-4) << i;
    }
  }

  std::unique_ptr<tokenizer::Tokenizer> tokenizer_;
  std::vector<std::vector<std::vector<float>>> logits_;  // per sequence and token: [vocab]
};

TEST_F(EditedGenerations, AreThoseOfOnePassOverPromptAndNewTokens) {
  for (const ActivationKind kind :
       {ActivationKind::kRelu, ActivationKind::kTopK, ActivationKind::kJumpRelu}) {
    ExpectAsInOnePass(RandomWorld({}, {.activation = kind}), EditsEverywhere());
  }
}

TEST_F(EditedGenerations, AreThoseOfOnePassForCrossLayerSetsAndSkipPaths) {
  ExpectAsInOnePass(RandomWorld({}, {.n_targets = 3}), EditsEverywhere());
  ExpectAsInOnePass(RandomWorld({}, {.output_site = gemma3::HookSite::kMlpOut, .skip = true}),
                    EditsEverywhere());
}

TEST_F(EditedGenerations, AreThoseOfOnePassBehindAnImageAndBeyondTheSlidingWindow) {
  RandomModelShape narrow;
  narrow.window = 3;
  ExpectAsInOnePass(RandomWorld(narrow, {}, {{2, 6}}), EditsEverywhere());
}

TEST_F(EditedGenerations, WriteToHookPointsOfNewTokens) {
  HookEdit add{.hook = "blocks.1.hook_resid_mid",
               .positions = {.kind = PositionKind::kGenerated},
               .add = true,
               .strength = 0.5F,
               .vector = std::vector<float>(16, 1)};
  HookEdit replace{.hook = "blocks.2.mlp.hook_out",
                   .positions = {.kind = PositionKind::kGenerated},
                   .vector = std::vector<float>(16, -0.5F)};
  HookEdit from_donor{.hook = "blocks.0.hook_resid_post",
                      .positions = {.kind = PositionKind::kGenerated},
                      .from_donor = true,
                      .donor_positions = intervention::At(4)};
  ExpectAsInOnePass(RandomWorld(), {.hooks = {add, replace, from_donor}});
}

TEST_F(EditedGenerations, CountZeroPositionsFromThePromptsBeginning) {
  ExpectAsInOnePass(RandomWorld(), EditsEverywhere(), {.zero_positions = kPrompt + 2});
  ExpectAsInOnePass(RandomWorld(), EditsEverywhere(), {.plain_relu_baseline = true});
}

TEST_F(EditedGenerations, OfThePromptAloneGiveTheFirstTokenTheLogitsOfIntervene) {
  for (const ActivationKind kind : {ActivationKind::kTopK, ActivationKind::kBatchTopK}) {
    const RandomWorld world({}, {.activation = kind});
    const EditSet set{.features = {Edit(0, 3, 1, OperationKind::kSet, 2),
                                   Edit(2, 8, 5, OperationKind::kScale, -3)}};
    ASSERT_THAT(Run(world, Request({set}, 1)), IsOk());
    InterventionRequest request;
    request.edit_sets = {set};
    request.report.return_logits = true;
    const InterventionResult expected = world.Run(request);
    const auto last = [](const std::vector<float>& logits) {
      return std::vector<float>(logits.end() - kVocab, logits.end());
    };
    EXPECT_LE(intervention::LargestDifference(logits_[0][0], last(expected.clean_logits)), 1e-4);
    EXPECT_LE(intervention::LargestDifference(logits_[1][0], last(expected.sets[0].logits)), 1e-4);
    EXPECT_GE(intervention::LargestDifference(logits_[0][0], logits_[1][0]), 1e-2);
  }
}

TEST_F(EditedGenerations, OfNewTokensLeaveTheFirstTokenAsItIs) {
  const auto result =
      Run(RandomWorld(), Request({{.features = {AtNewTokens(0, 7, {OperationKind::kSet, 9})}}}));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(logits_[0][0], logits_[1][0]);
  EXPECT_GE(intervention::LargestDifference(logits_[0][1], logits_[1][1]), 1e-2);
}

TEST_F(EditedGenerations, ASetWithoutEditsIsTheCleanRun) {
  const RandomWorld world;
  GenerateRequest request = Request({EditsEverywhere(), {.label = "nothing"}});
  request.samples = 2;
  const auto result = Run(world, request);
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->sequences.size(), 6U);
  for (size_t sample = 0; sample < 2; ++sample) {
    EXPECT_EQ(result->sequences[4 + sample].edit_set, 1);
    EXPECT_EQ(result->sequences[4 + sample].sample, static_cast<int32_t>(sample));
    EXPECT_EQ(result->sequences[4 + sample].token_ids, result->sequences[sample].token_ids);
    EXPECT_NE(result->sequences[2 + sample].token_ids, result->sequences[sample].token_ids);
  }
  GenerateRequest clean = request;
  clean.edit_sets.clear();
  const auto alone = Run(world, clean);
  ASSERT_THAT(alone, IsOk());
  EXPECT_EQ(alone->sequences[1].edit_set, -1);
  EXPECT_EQ(alone->sequences[1].token_ids, result->sequences[1].token_ids);
}

TEST_F(EditedGenerations, AreTheSameSideBySideAsOneByOne) {
  const RandomWorld world;
  const std::vector<EditSet> sets = {EditsEverywhere(),
                                     {.features = {AtNewTokens(2, 3, {OperationKind::kSet, 6})}},
                                     {.features = {Edit(1, 2, 4, OperationKind::kSet, 5)}}};
  GenerateRequest request = Request(sets);
  request.samples = 2;
  const auto together = Run(world, request);
  ASSERT_THAT(together, IsOk());
  const auto all_logits = logits_;
  for (size_t set = 0; set < sets.size(); ++set) {
    request.edit_sets = {sets[set]};
    const auto alone = Run(world, request);
    ASSERT_THAT(alone, IsOk());
    for (size_t sample = 0; sample < 2; ++sample) {
      const size_t sequence = 2 * (set + 1) + sample;
      EXPECT_EQ(together->sequences[sequence].token_ids, alone->sequences[2 + sample].token_ids);
      for (size_t i = 0; i < 6; ++i) {
        EXPECT_LE(intervention::LargestDifference(all_logits[sequence][i], logits_[2 + sample][i]),
                  1e-5);
      }
    }
  }
}

// Clamps hold in the clean run as edits of all positions and all new tokens would.
TEST_F(EditedGenerations, ClampsHoldInTheCleanRunAndInEachSet) {
  const RandomWorld world;
  const intervention::Clamp clamp{
      .name = "low", .features = {{0, 3}, {2, 5}}, .operation = {OperationKind::kAtLeast, 2}};
  EditSet as_edits;
  for (const auto& [layer, feature] : clamp.features) {
    as_edits.features.push_back(AtNewTokens(layer, feature, clamp.operation));
    as_edits.features.push_back(as_edits.features.back());
    as_edits.features.back().positions.kind = PositionKind::kAll;
  }
  EditSet with_one = as_edits;
  with_one.features.push_back(AtNewTokens(1, 4, {OperationKind::kSet, 5}));
  ASSERT_THAT(Run(world, Request({as_edits, with_one})), IsOk());
  const auto expected = logits_;
  EXPECT_GE(intervention::LargestDifference(expected[0][0], expected[1][0]), 1e-2);
  const auto expect_same = [&](size_t sequence, size_t as) {
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_LE(intervention::LargestDifference(logits_[sequence][i], expected[as][i]), 1e-5) << i;
    }
  };

  GenerateRequest request = Request({{.features = {with_one.features.back()}}});
  request.clamps.clamps = {clamp};
  ASSERT_THAT(Run(world, request), IsOk());
  expect_same(0, 1);
  expect_same(1, 2);
  request.clamps.unclamped_clean_run = true;
  request.edit_sets.push_back({.label = "clamps alone"});
  ASSERT_THAT(Run(world, request), IsOk());
  expect_same(0, 0);
  expect_same(1, 2);
  expect_same(2, 1);
  request.edit_sets[0].features[0].layer = 0;
  request.edit_sets[0].features[0].feature = 3;
  EXPECT_THAT(Run(world, request),
              FailsWith(absl::StatusCode::kInvalidArgument,
                        "feature 3 of layer 0 at generated tokens, which clamp 'low'"));
}

TEST_F(EditedGenerations, ThatBlowUpAreRefusedByTheirSetAndToken) {
  const RandomWorld world;
  const EditSet harmless = {.features = {Edit(0, 3, 1, OperationKind::kSet, 2)}};
  EditSet infinite = {.hooks = {{.hook = "blocks.1.hook_resid_post",
                                 .positions = intervention::At(-1),
                                 .add = true,
                                 .strength = 1e30F,
                                 .vector = std::vector<float>(16, 1e30F)}}};
  const auto at_once = Run(world, Request({harmless, infinite}));
  EXPECT_THAT(at_once, HasField("edit_sets[1]"));
  EXPECT_THAT(at_once, HasReason("NOT_FINITE"));
  EXPECT_THAT(at_once, FailsWith(absl::StatusCode::kInvalidArgument, "new token 0"));
  infinite.hooks[0].positions = {.kind = PositionKind::kGenerated};
  EXPECT_THAT(Run(world, Request({harmless, infinite})),
              FailsWith(absl::StatusCode::kInvalidArgument, "new token 1"));
  EXPECT_THAT(Run(world, Request({harmless})), IsOk());
}

TEST_F(EditedGenerations, OfAModelThatIsNotFiniteItselfAreNotBlamed) {
  RandomWorld world;
  world.model.weights.decoder.final_gain = at::full({16}, std::numeric_limits<double>::quiet_NaN());
  const auto result = Run(world, Request({EditsEverywhere()}));
  EXPECT_THAT(result, FailsWith(absl::StatusCode::kFailedPrecondition, "without edits"));
  EXPECT_THAT(result, HasReason("NOT_FINITE"));
}

TEST(PlanEdits, TellsWhatTheEditsOfAPassAre) {
  const RandomWorld world;
  GenerateRequest request = Request({{.features = {AtNewTokens(0, 7, {OperationKind::kSet, 3}),
                                                   AtNewTokens(0, 8, {OperationKind::kSet, 3}),
                                                   AtNewTokens(1, 8, {OperationKind::kSet, 3})}}});
  request.samples = 4;
  const auto of_new_tokens = PlanEdits(request, world.Limits());
  ASSERT_THAT(of_new_tokens, IsOk());
  EXPECT_FALSE(of_new_tokens->changes_prompt);
  EXPECT_EQ(of_new_tokens->encoded.n_rows, 4);      // one of each sample
  EXPECT_EQ(of_new_tokens->encoded.n_features, 8);  // two of layer 0
  request.edit_sets.push_back(
      {.features = {Edit(0, 2, 1, OperationKind::kSet, 2), Edit(0, 2, 3, OperationKind::kSet, 2),
                    Edit(0, 4, 3, OperationKind::kSet, 2)}});
  request.samples = 1;
  const auto of_both = PlanEdits(request, world.Limits());
  ASSERT_THAT(of_both, IsOk());
  EXPECT_TRUE(of_both->changes_prompt);
  EXPECT_EQ(of_both->encoded.n_rows, 2);  // positions 2 and 4
  EXPECT_EQ(of_both->encoded.n_features, 3);
  // Clamps are read in the clean run and in both sets.
  request.clamps.clamps = {
      {.name = "new", .features = {{3, 1}, {3, 2}}, .places = {.text = false, .image = false}}};
  request.samples = 5;
  const auto with_clamps = PlanEdits(request, world.Limits());
  ASSERT_THAT(with_clamps, IsOk());
  EXPECT_EQ(with_clamps->encoded.n_rows, 20);      // 3 for the clamps, 1 for edits, of each sample
  EXPECT_EQ(with_clamps->encoded.n_features, 40);  // twice 3, and twice 1
}

TEST(PlanEdits, RefusesWhatAnInterventionRefusesWithTheSetAndTheEdit) {
  const RandomWorld world;
  const auto plan = [&](const FeatureEdit& edit) {
    const EditSet good{.features = {AtNewTokens(0, 7, {OperationKind::kSet, 3})}};
    return PlanEdits(Request({good, {.features = {good.features[0], edit}}}), world.Limits());
  };
  EXPECT_THAT(plan(Edit(0, kPrompt, 1, OperationKind::kSet, 2)),
              HasField("edit_sets[1].feature_edits[1].positions"));
  EXPECT_THAT(plan(AtNewTokens(4, 1, {})), HasField("edit_sets[1].feature_edits[1].layer"));
  EXPECT_THAT(plan(AtNewTokens(0, 24, {})), HasField("edit_sets[1].feature_edits[1].feature"));
  EXPECT_THAT(plan(AtNewTokens(0, 1, {OperationKind::kScale, NAN})),
              HasField("edit_sets[1].feature_edits[1].operation"));
  EXPECT_THAT(plan(AtNewTokens(0, 7, {})), HasReason("CONFLICTING_EDITS"));
  EXPECT_THAT(plan(AtNewTokens(0, 8, {})), IsOk());
}

TEST(CheckSettings, RefusesWhatNeedsACleanRunOfNewTokens) {
  using intervention::Baseline;
  using intervention::FreezeKind;
  const auto check = [](const intervention::RunSettings& settings) {
    return CheckSettings(settings, 4, 100);
  };
  for (const FreezeKind kind : {FreezeKind::kAttention, FreezeKind::kLayers, FreezeKind::kAll}) {
    EXPECT_THAT(check({.freeze = {.kind = kind}}), HasField("settings.freeze.kind"));
  }
  EXPECT_THAT(check({.baseline = Baseline::kClean}), HasField("settings.baseline"));
  EXPECT_THAT(check({.zero_positions = 101}), HasField("settings.zero_positions"));
  EXPECT_THAT(check({.baseline = Baseline::kRunning, .zero_positions = 100}), IsOk());
}

}  // namespace
}  // namespace cajal::generation
