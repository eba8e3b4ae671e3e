// Interventions through the engine's torch-free face, with a tokenizer and pictures.
#include <gtest/gtest.h>

#include <utility>

#include "model/engine.h"
#include "tests/golden_util.h"
#include "tests/support/status_matchers.h"

namespace cajal {
namespace {

using intervention::EditSetOutcome;
using intervention::OperationKind;
using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class EngineIntervention : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    RunContext context;
    auto loaded = LoadEngine({.model_dir = "golden/tiny",
                              .transcoder_dir = "golden/transcoders/plt_topk",
                              .device = DeviceChoice::kCpu},
                             &context);
    ASSERT_THAT(loaded, IsOk());
    engine_ = *std::move(loaded);
  }
  static void TearDownTestSuite() { engine_.reset(); }

  static PreparedPrompt Prepare(const std::string& text, const std::string& image = "") {
    tokenizer::Prompt prompt{.parts = {{.text = text}}};
    if (!image.empty()) {
      prompt.parts.push_back(
          {.text = "", .image = tokenizer::EncodedImage{golden::ReadBytes(image)}});
    }
    auto prepared = engine_->Prepare(prompt);
    EXPECT_THAT(prepared, IsOk());
    return *std::move(prepared);
  }

  static InterventionRequest Request(int32_t layer, int32_t feature,
                                     const intervention::Positions& positions) {
    InterventionRequest request;
    request.edit_sets = {{.label = "edit",
                          .features = {{.layer = layer,
                                        .feature = feature,
                                        .positions = positions,
                                        .operation = {OperationKind::kSet, 5}}}}};
    return request;
  }

  static absl::StatusOr<InterventionResult> Run(const PreparedPrompt& prompt,
                                                const InterventionRequest& request) {
    RunContext context;
    return engine_->Intervene(prompt, request, &context);
  }

  static std::unique_ptr<Engine> engine_;
};

std::unique_ptr<Engine> EngineIntervention::engine_;

TEST_F(EngineIntervention, NamesTokensAndPlacesOfPictures) {
  const PreparedPrompt prompt =
      Prepare("<start_of_image> This is", "golden/images/shapes_97x61.png");
  InterventionRequest request =
      Request(2, 17, {.kind = intervention::PositionKind::kImage, .row = 1, .column = 0});
  request.report.tokens = {" the"};
  const auto result = Run(prompt, request);
  ASSERT_THAT(result, IsOk());
  const EditSetOutcome& outcome = result->sets[0];
  EXPECT_EQ(outcome.label, "edit");
  ASSERT_EQ(outcome.tokens.size(), 1U);
  EXPECT_EQ(outcome.tokens[0].token, " the");
  EXPECT_EQ(outcome.edited_top.size(), 10U);
  EXPECT_EQ(outcome.edited_top[0].edited.rank, 1);
  EXPECT_EQ(outcome.clean_top[0].clean.rank, 1);
  EXPECT_GT(outcome.kl_divergence, 0);
}

TEST_F(EngineIntervention, CleanFiguresAreThoseOfAForwardPass) {
  const PreparedPrompt prompt = Prepare("The capital of France is");
  RunContext context;
  const auto forward = engine_->Forward(prompt, {.top_k = 3}, &context);
  ASSERT_THAT(forward, IsOk());
  const auto result = Run(prompt, Request(0, 0, intervention::At(-1)));
  ASSERT_THAT(result, IsOk());
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result->sets[0].clean_top[i].token, forward->top[i].token);
    EXPECT_NEAR(result->sets[0].clean_top[i].clean.probability, forward->top[i].probability, 1e-6);
  }
}

TEST_F(EngineIntervention, RefusesWhatThePromptOrTheModelDoesNotHave) {
  const PreparedPrompt prompt = Prepare("The capital of France is");
  InterventionRequest two_tokens = Request(0, 0, intervention::At(-1));
  two_tokens.report.tokens = {" the", "no such token"};
  EXPECT_THAT(Run(prompt, two_tokens), HasField("report.tokens[1]"));
  EXPECT_THAT(Run(prompt, Request(6, 0, intervention::At(-1))),
              HasField("edit_sets[0].feature_edits[0].layer"));
  EXPECT_THAT(Run(prompt, Request(0, 256, intervention::At(-1))),
              FailsWith(kInvalid, "must be from 0 to 255 in layer 0, not 256"));
  EXPECT_THAT(engine_->Validate(prompt, Request(0, 0, intervention::At(50))),
              HasField("edit_sets[0].feature_edits[0].positions"));
  InterventionRequest donor = Request(0, 0, intervention::At(-1));
  donor.edit_sets[0].hooks = {
      {.hook = "blocks.0.hook_resid_pre", .positions = intervention::At(-1), .from_donor = true}};
  EXPECT_THAT(Run(prompt, donor), HasReason("NO_DONOR"));
  donor.donor = std::make_shared<const PreparedPrompt>(Prepare("This is"));
  EXPECT_THAT(Run(prompt, donor), IsOk());
  EXPECT_THAT(Run(prompt, Request(0, 0, intervention::At(-1))), IsOk());
}

TEST_F(EngineIntervention, EstimatesGrowWithSetsAndLogits) {
  const PreparedPrompt prompt = Prepare("The capital of France is");
  const InterventionRequest one = Request(0, 0, intervention::At(-1));
  InterventionRequest ten = one;
  ten.edit_sets.resize(10, one.edit_sets[0]);
  InterventionRequest logits = one;
  logits.report.return_logits = true;
  EXPECT_GT(engine_->EstimateBytes(prompt, ten), engine_->EstimateBytes(prompt, one));
  EXPECT_GT(engine_->EstimateBytes(prompt, logits), engine_->EstimateBytes(prompt, one));
  EXPECT_LE(engine_->EstimateBytes(prompt, ten), engine_->info().budget_bytes);
}

TEST_F(EngineIntervention, AReportOfMorePositionsNeedsMoreMemory) {
  const PreparedPrompt prompt = Prepare("The capital of France is");
  InterventionRequest one = Request(0, 0, intervention::At(-1));
  one.report.features = {{.layer = 1, .feature = 3, .positions = intervention::At(-1)}};
  InterventionRequest everywhere = one;
  everywhere.report.features[0].positions = {.kind = intervention::PositionKind::kAll};
  EXPECT_GT(engine_->EstimateBytes(prompt, everywhere), engine_->EstimateBytes(prompt, one));
}

TEST_F(EngineIntervention, APatchOfMorePositionsNeedsMoreMemory) {
  const PatchPrompts prompts{Prepare("The capital of France is"),
                             Prepare("The capital of Spain is")};
  PatchRequest one;
  one.features = {{.layer = 1, .feature = 3, .positions = intervention::At(-1)}};
  PatchRequest everywhere = one;
  everywhere.features[0].positions = {.kind = intervention::PositionKind::kAll};
  PatchRequest layers = one;
  layers.layers = intervention::LayerRange{1, 2};
  EXPECT_GT(engine_->EstimateBytes(prompts, everywhere), engine_->EstimateBytes(prompts, one));
  EXPECT_GT(engine_->EstimateBytes(prompts, layers), engine_->EstimateBytes(prompts, one));
}

TEST_F(EngineIntervention, PatchesPicturesByRowAndColumn) {
  PatchPrompts prompts{Prepare("<start_of_image> This is", "golden/images/noise_56x56.png"),
                       Prepare("<start_of_image> This is", "golden/images/shapes_97x61.png")};
  PatchRequest request;
  request.layers = intervention::LayerRange{1, 2};
  request.map.kind = intervention::PositionMapKind::kImage;
  request.reverse = true;
  RunContext context;
  const auto result = engine_->PatchActivations(prompts, request, &context);
  ASSERT_THAT(result, IsOk());
  EXPECT_GT(result->features.size(), 16U);  // at least what one token of one layer has
  EXPECT_GT(result->recipient.sets[0].kl_divergence, 0);
  EXPECT_EQ(result->recipient.sets[0].edited_top.size(), 10U);
  EXPECT_FALSE(result->recipient.sets[0].edited_top[0].token.empty());
  ASSERT_TRUE(result->donor.has_value());
  // The two swapped, there and back: each side's clean run is the other's.
  std::swap(prompts.donor, prompts.recipient);
  const auto swapped = engine_->PatchActivations(prompts, request, &context);
  ASSERT_THAT(swapped, IsOk());
  EXPECT_NEAR(swapped->recipient.sets[0].kl_divergence, result->donor->sets[0].kl_divergence, 1e-6);

  prompts.donor = Prepare("This is");
  EXPECT_THAT(engine_->Validate(prompts, request), HasReason("IMAGE_COUNT"));
  EXPECT_THAT(engine_->PatchActivations(prompts, request, &context), HasReason("IMAGE_COUNT"));
  request.map.kind = intervention::PositionMapKind::kLast;
  EXPECT_THAT(engine_->PatchActivations(prompts, request, &context), IsOk());
}

TEST_F(EngineIntervention, CutsEdgesIntoLogits) {
  const PreparedPrompt prompt = Prepare("The capital of France is");
  const auto edge_to = [](const std::string& token) {
    return CutRequest{.edges = {{{.kind = intervention::SourceKind::kToken, .position = -1},
                                 {.kind = intervention::TargetKind::kLogit, .token = token}}}};
  };
  RunContext context;
  const auto result = engine_->CutEdges(prompt, edge_to(" the"), &context);
  ASSERT_THAT(result, IsOk());
  EXPECT_NE(result->weights[0], 0);
  EXPECT_NEAR(result->targets[0].cut, result->targets[0].clean - result->weights[0], 1e-4);
  EXPECT_THAT(engine_->CutEdges(prompt, edge_to("two tokens"), &context),
              HasField("edges[0].target.token"));
  CutRequest top = edge_to(" the");
  top.report.top_k = -1;
  EXPECT_THAT(engine_->Validate(prompt, top), HasField("report.top_k"));
  EXPECT_THAT(engine_->CutEdges(prompt, edge_to(" the"), &context), IsOk());
}

}  // namespace
}  // namespace cajal
