// Graphs of the engine against its own ablations, with a tokenizer and pictures.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "model/engine.h"
#include "model/intervention/validation_plan.h"
#include "tests/golden_util.h"
#include "tests/support/status_matchers.h"

namespace cajal {
namespace {

using intervention::ValidationPlan;
using intervention::ValidationRequest;
using intervention::ValidationResult;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;

class EngineValidation : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    RunContext context;
    auto loaded = LoadEngine({.model_dir = "golden/tiny",
                              .transcoder_dir = std::string("golden/transcoders/") + GetParam(),
                              .device = DeviceChoice::kCpu},
                             &context);
    ASSERT_THAT(loaded, IsOk());
    engine_ = *std::move(loaded);
  }

  [[nodiscard]] PreparedPrompt Prepare(const std::string& text,
                                       const std::string& image = "") const {
    tokenizer::Prompt prompt{.parts = {{.text = text}}};
    if (!image.empty()) {
      prompt.parts.push_back(
          {.text = "", .image = tokenizer::EncodedImage{golden::ReadBytes(image)}});
    }
    auto prepared = engine_->Prepare(prompt);
    EXPECT_THAT(prepared, IsOk());
    return *std::move(prepared);
  }

  graph::AttributionGraph Graph(const PreparedPrompt& prompt,
                                const std::vector<graph::Target>& targets = {}) {
    AttributionRequest request;
    request.settings.targets = targets;
    request.settings.zero_positions = engine_->info().default_zero_positions;
    RunContext context;
    auto graph = engine_->Attribute(prompt, request, &context);
    EXPECT_THAT(graph, IsOk());
    return *std::move(graph);
  }

  absl::StatusOr<ValidationPlan> Plan(const graph::AttributionGraph& graph,
                                      const ValidationRequest& request) const {
    return intervention::PlanValidation(graph, request, engine_->info().vocab_size);
  }

  absl::StatusOr<AblationResult> Run(const PreparedPrompt& prompt, const AblationRequest& request) {
    RunContext context;
    return engine_->MeasureAblations(prompt, request, &context);
  }

  std::unique_ptr<Engine> engine_;
};

// A few of every kind.
ValidationRequest SmallSample() {
  ValidationRequest request;
  request.sample = intervention::ValidationSample{.n_edges = 30, .n_nodes = 10};
  request.sample->errors = request.sample->tokens = true;
  request.faithfulness.thresholds = {0.5, 0.8};
  return request;
}

TEST_P(EngineValidation, GraphsOfTextAndPicturesHoldInTheFrozenModel) {
  for (const char* image : {"", "golden/images/shapes_97x61.png"}) {
    const PreparedPrompt prompt =
        Prepare(*image == '\0' ? "The capital of France is" : "<start_of_image> This is", image);
    const graph::AttributionGraph graph = Graph(prompt);
    const auto plan = Plan(graph, SmallSample());
    ASSERT_THAT(plan, IsOk());
    ASSERT_THAT(engine_->Validate(prompt, plan->runs), IsOk());
    const auto runs = Run(prompt, plan->runs);
    ASSERT_THAT(runs, IsOk());
    const ValidationResult result = intervention::CompareWithGraph(graph, *plan, *runs);
    EXPECT_EQ(result.frozen_edges.n, 30);
    EXPECT_NEAR(*result.frozen_edges.slope, 1, 1e-3);
    EXPECT_NEAR(*result.frozen_edges.correlation, 1, 1e-5);
    EXPECT_GT(result.frozen_all.n, 300);
    EXPECT_NEAR(*result.frozen_all.slope, 1, 1e-3);
    EXPECT_NEAR(*result.frozen_all.correlation, 1, 1e-5);
    EXPECT_LT(result.activation_deviation, 1e-3);
    ASSERT_TRUE(result.curve.has_value());
    EXPECT_EQ(result.curve->token, graph.logits[0].token);
    EXPECT_NEAR(result.curve->clean.probability, graph.logits[0].probability, 1e-5);
    // Without the empty circuit the model is as it is.
    EXPECT_NEAR(result.curve->points[0].scores.without.token.probability,
                result.curve->clean.probability, 1e-5);
  }
}

TEST_P(EngineValidation, SumsOfTokensAreMeasuredToo) {
  const PreparedPrompt prompt = Prepare("The capital of France is");
  const graph::AttributionGraph graph =
      Graph(prompt, {{.what = graph::TokenSum{{{" the", 1}, {" is", -0.5F}}}, .position = -2}});
  const auto plan = Plan(graph, SmallSample());
  ASSERT_THAT(plan, IsOk());
  const auto runs = Run(prompt, plan->runs);
  ASSERT_THAT(runs, IsOk());
  const ValidationResult result = intervention::CompareWithGraph(graph, *plan, *runs);
  EXPECT_EQ(result.frozen_nodes.n, 10);
  EXPECT_NEAR(*result.frozen_nodes.slope, 1, 1e-3);
  // No logit is a token: the answer is what follows the prompt.
  EXPECT_EQ(result.curve->position, prompt.tokenized.n_positions() - 1);
}

TEST_P(EngineValidation, AnotherPictureIsRefused) {
  const PreparedPrompt prompt =
      Prepare("<start_of_image> This is", "golden/images/shapes_97x61.png");
  const auto plan = Plan(Graph(prompt), SmallSample());
  ASSERT_THAT(plan, IsOk());
  const auto refused =
      Run(Prepare("<start_of_image> This is", "golden/images/noise_56x56.png"), plan->runs);
  EXPECT_THAT(refused, HasReason("PROMPT_DIFFERS"));
  EXPECT_THAT(refused, HasField("prompt"));
  EXPECT_THAT(Run(prompt, plan->runs), IsOk());
}

TEST_P(EngineValidation, AnswersThatAreNoTokenAreRefused) {
  const PreparedPrompt prompt = Prepare("The capital of France is");
  const auto plan = Plan(Graph(prompt), SmallSample());
  ASSERT_THAT(plan, IsOk());
  AblationRequest request = plan->runs;
  request.answer = "two tokens";
  EXPECT_THAT(engine_->Validate(prompt, request), HasField("faithfulness.token"));
  EXPECT_THAT(Run(prompt, request), HasField("faithfulness.token"));
  request.answer = " the";
  const auto runs = Run(prompt, request);
  ASSERT_THAT(runs, IsOk());
  EXPECT_EQ(runs->answer, " the");
  EXPECT_LE(engine_->EstimateBytes(prompt, request), engine_->info().budget_bytes);
}

INSTANTIATE_TEST_SUITE_P(Golden, EngineValidation, ::testing::Values("plt_topk", "gs2_affine"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace cajal
