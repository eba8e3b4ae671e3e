// Ablations against the graph, in the frozen model, and against Intervene run set by set.
#include "model/intervention/measure_ablations.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/attribution/attribute.h"
#include "model/intervention/validation_plan.h"
#include "tests/intervention/random_intervention.h"

namespace cajal::intervention {
namespace {

using graph::AttributionGraph;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;
using transcoder::ActivationKind;

struct Case {
  const char* name;
  testing::RandomModelShape model;
  testing::RandomTranscoderShape transcoders;
  std::vector<gemma3::AttentionLayout::Run> images;
};

constexpr int32_t kZeroPositions = 1;

AttributionGraph GraphOf(const RandomWorld& world) {
  attribution::AttributeOptions options;
  options.settings.max_feature_nodes = 0;
  options.settings.desired_logit_prob = 1;
  attribution::SweepWorkers workers;
  RunContext context;
  auto graph =
      attribution::Attribute(world.model, attribution::FoldModel(world.model, *world.transcoders),
                             *world.transcoders, world.input, options, &workers, &context);
  EXPECT_THAT(graph, IsOk());
  return *std::move(graph);
}

// The targets' terms are token ids.
absl::StatusOr<AblationResult> Measure(const RandomWorld& world, const AblationRequest& request,
                                       int64_t runs_at_once = 16) {
  std::vector<TokenWeights> terms;
  for (const MeasuredTarget& target : request.targets) {
    TokenWeights& weights = terms.emplace_back();
    for (const LogitTerm& term : target.terms) weights.emplace_back(term.token_id, term.weight);
  }
  const auto last = static_cast<int32_t>(world.input.token_ids.size()) - 1;
  RunContext context;
  return MeasureAblations(
      world.model, *world.transcoders,
      {.input = world.input,
       .request = request,
       .terms = std::move(terms),
       .mean_unembedding = world.model.weights.decoder.unembedding.mean(0),
       .answer_id = request.answer_id,
       .answer_position = request.answer_position < 0 ? last : request.answer_position,
       .zero_positions = kZeroPositions,
       .runs_at_once = runs_at_once},
      &context);
}

class Ablations : public ::testing::TestWithParam<Case> {
 protected:
  Ablations()
      : world_(GetParam().model, GetParam().transcoders, GetParam().images),
        graph_(GraphOf(world_)) {}

  [[nodiscard]] int64_t Vocab() const { return world_.model.config.text.vocab_size; }

  // About `n` nodes of all kinds.
  [[nodiscard]] ValidationPlan PlanOf(int32_t n, const RunSettings& run = {}) const {
    ValidationRequest request{.run = run};
    const int32_t stride = std::max(graph_.first_logit() / n, 1);
    for (int32_t node = 0; node < graph_.first_logit(); node += stride) {
      const bool is_error = node >= graph_.first_error() && node < graph_.first_token();
      if (is_error && (node - graph_.first_error()) % graph_.n_positions() < kZeroPositions) {
        continue;
      }
      request.nodes.push_back(node);
    }
    auto plan = PlanValidation(graph_, request, Vocab());
    EXPECT_THAT(plan, IsOk());
    return *std::move(plan);
  }

  // Everything in the graph.
  [[nodiscard]] Circuit Everything() const {
    Circuit circuit;
    for (const graph::FeatureNode& node : graph_.active_features) {
      circuit.nodes.push_back(
          {.layer = node.layer, .position = node.position, .feature = node.feature});
    }
    for (int32_t layer = 0; layer < graph_.n_layers; ++layer) {
      for (int32_t p = kZeroPositions; p < graph_.n_positions(); ++p) {
        circuit.nodes.push_back({.kind = SourceKind::kError, .layer = layer, .position = p});
      }
    }
    return circuit;
  }
  // Every third of these features.
  [[nodiscard]] Circuit Some() const {
    Circuit circuit;
    for (size_t i = 0; i < graph_.active_features.size(); i += 3) {
      const graph::FeatureNode& node = graph_.active_features[i];
      circuit.nodes.push_back(
          {.layer = node.layer, .position = node.position, .feature = node.feature});
    }
    return circuit;
  }

  const RandomWorld world_;
  const AttributionGraph graph_;
};

TEST_P(Ablations, InTheFrozenModelChangesAreMinusTheGraphsColumns) {
  const ValidationPlan plan = PlanOf(60);
  const auto runs = Measure(world_, plan.runs);
  ASSERT_THAT(runs, IsOk());
  const size_t n_targets = plan.targets.size();
  std::vector<float> expected(runs->frozen.size());
  for (size_t t = 0; t < n_targets; ++t) {
    const auto row = static_cast<size_t>(plan.targets[t]);
    for (int64_t e = graph_.edges.row_begin[row]; e < graph_.edges.row_begin[row + 1]; ++e) {
      const auto source = std::lower_bound(plan.ablated.begin(), plan.ablated.end(),
                                           graph_.edges.columns[static_cast<size_t>(e)]);
      if (source == plan.ablated.end() || *source != graph_.edges.columns[static_cast<size_t>(e)]) {
        continue;
      }
      expected[static_cast<size_t>(source - plan.ablated.begin()) * n_targets + t] =
          -graph_.edges.weights[static_cast<size_t>(e)];
    }
  }
  EXPECT_TRUE(at::allclose(at::tensor(runs->frozen), at::tensor(expected), /*rtol=*/1e-3,
                           /*atol=*/2e-4))
      << LargestDifference(runs->frozen, expected);

  const ValidationResult result = CompareWithGraph(graph_, plan, *runs);
  EXPECT_GT(result.frozen_all.n, 100);
  EXPECT_NEAR(*result.frozen_all.slope, 1, 1e-3);
  EXPECT_NEAR(*result.frozen_all.correlation, 1, 1e-5);
  EXPECT_LT(*result.frozen_all.relative_error, 1e-3);
  EXPECT_LT(result.largest_unpredicted, 2e-4);
  EXPECT_LT(result.activation_deviation, 1e-4);
}

TEST_P(Ablations, UnfrozenChangesAreThoseOfIntervene) {
  ValidationPlan plan = PlanOf(40);
  // Features alone: what the others are replaced by is no edit of a feature.
  std::erase_if(plan.runs.ablations,
                [](const EdgeSource& node) { return node.kind != SourceKind::kFeature; });
  ASSERT_GT(plan.runs.ablations.size(), 3U);
  for (const FreezeKind freeze : {FreezeKind::kNone, FreezeKind::kAttention}) {
    plan.runs.run.freeze.kind = freeze;
    const auto runs = Measure(world_, plan.runs, /*runs_at_once=*/5);
    ASSERT_THAT(runs, IsOk());

    InterventionRequest request{.run = plan.runs.run};
    request.report.return_logits = true;
    for (const EdgeSource& node : plan.runs.ablations) {
      request.edit_sets.push_back(
          {.features = {Edit(node.layer, node.position, node.feature, OperationKind::kSet, 0)}});
    }
    for (const graph::FeatureNode& node : graph_.active_features) {
      request.report.features.push_back({node.layer, node.feature, At(node.position)});
    }
    const InterventionResult single = world_.Run(request, /*sets_at_once=*/1);
    const auto last_logits = [&](const std::vector<float>& logits) {
      return at::tensor(logits).view({graph_.n_positions(), -1})[graph_.n_positions() - 1];
    };
    std::vector<float> expected;
    for (const EditSetOutcome& set : single.sets) {
      for (const ActivationChange& change : set.listed) {
        expected.push_back(change.edited_pre_activation - change.clean_pre_activation);
      }
      const at::Tensor change = last_logits(set.logits) - last_logits(single.clean_logits);
      const at::Tensor demeaned = change - change.mean();
      for (const graph::LogitNode& node : graph_.logits) {
        expected.push_back(demeaned[node.token_id].item<float>());
      }
    }
    EXPECT_TRUE(at::allclose(at::tensor(runs->unfrozen), at::tensor(expected), /*rtol=*/1e-3,
                             /*atol=*/2e-4))
        << LargestDifference(runs->unfrozen, expected);
  }
}

TEST_P(Ablations, ACircuitsRunsAreThoseOfInterveneWithEveryFeatureNamed) {
  AblationRequest request;
  request.circuits = {Some()};
  const auto runs = Measure(world_, request);
  ASSERT_THAT(runs, IsOk());

  // Set to 0: every feature of the transcoders but the circuit's, at every position that has
  // features; and the circuit's.
  EditSet others;
  EditSet mine;
  for (int32_t layer = 0; layer < graph_.n_layers; ++layer) {
    const int64_t n_features =
        world_.transcoders->info().features_per_layer[static_cast<size_t>(layer)];
    for (int32_t p = kZeroPositions; p < graph_.n_positions(); ++p) {
      for (int32_t f = 0; f < n_features; ++f) {
        const EdgeSource node{.layer = layer, .position = p, .feature = f};
        const auto& kept = request.circuits[0].nodes;
        const bool is_mine = std::find(kept.begin(), kept.end(), node) != kept.end();
        (is_mine ? mine : others).features.push_back(Edit(layer, p, f, OperationKind::kSet, 0));
      }
    }
  }
  InterventionRequest edits;
  edits.edit_sets = {others, mine};
  edits.report.return_logits = true;
  const InterventionResult single = world_.Run(edits, /*sets_at_once=*/1);
  const auto score = [&](size_t set) {
    const auto first = single.sets[set].logits.end() - Vocab();
    return at::softmax(at::tensor(std::vector<float>(first, single.sets[set].logits.end())), -1,
                       at::kDouble)[runs->answer_id]
        .item<double>();
  };
  const CircuitScore& scores = runs->circuits[0];
  EXPECT_NEAR(scores.alone.token.probability, score(0), 1e-5);
  EXPECT_NEAR(scores.without.token.probability, score(1), 1e-5);
  EXPECT_NEAR(scores.alone.kl_divergence, single.sets[0].kl_divergence, 1e-4);
  EXPECT_NEAR(scores.without.kl_divergence, single.sets[1].kl_divergence, 1e-4);
}

TEST_P(Ablations, TheEndsOfTheCurveAreTheCleanRun) {
  AblationRequest request;
  request.circuits = {{}, Everything()};
  for (const bool ablate_errors : {false, true}) {
    request.ablate_errors = ablate_errors;
    const auto runs = Measure(world_, request);
    ASSERT_THAT(runs, IsOk());
    const auto is_clean = [&](const AnswerScore& score) {
      EXPECT_NEAR(score.token.probability, runs->clean.probability, 1e-5);
      EXPECT_EQ(score.token.rank, runs->clean.rank);
      EXPECT_NEAR(score.kl_divergence, 0, 1e-5);
    };
    is_clean(runs->circuits[0].without);
    is_clean(runs->circuits[1].alone);
    // The same features are ablated in the other two.
    EXPECT_GT(runs->circuits[0].alone.kl_divergence, 1e-5);
  }
}

// In the frozen model an ablation of everything takes all edges from features and errors away.
TEST_P(Ablations, WithEverythingAblatedALogitKeepsItsBiasAndTokens) {
  RandomWorld demeaned(GetParam().model, GetParam().transcoders, GetParam().images);
  at::Tensor& unembedding = demeaned.model.weights.decoder.unembedding;
  unembedding = unembedding - unembedding.mean(0);
  AblationRequest request;
  request.circuits = {{}};
  request.ablate_errors = true;
  request.run.freeze.kind = FreezeKind::kAll;
  request.answer_id = graph_.logits[0].token_id;
  const auto runs = Measure(demeaned, request);
  ASSERT_THAT(runs, IsOk());
  const auto node = static_cast<size_t>(graph_.first_logit());
  double expected = graph_.bias[node];
  for (int64_t e = graph_.edges.row_begin[node]; e < graph_.edges.row_begin[node + 1]; ++e) {
    if (graph_.edges.columns[static_cast<size_t>(e)] >= graph_.first_token()) {
      expected += graph_.edges.weights[static_cast<size_t>(e)];
    }
  }
  EXPECT_NEAR(runs->circuits[0].alone.token.logit, expected, 2e-3);
  EXPECT_NEAR(runs->clean.logit, graph_.pre_activations[node], 1e-3);
}

TEST_P(Ablations, HowManyRunsShareABatchDoesNotMatter) {
  ValidationPlan plan = PlanOf(12);
  plan.runs.circuits = {{}, Some()};
  plan.runs.ablate_errors = true;
  const auto one = Measure(world_, plan.runs, /*runs_at_once=*/1);
  const auto many = Measure(world_, plan.runs, /*runs_at_once=*/64);
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(many, IsOk());
  EXPECT_LE(LargestDifference(one->unfrozen, many->unfrozen), 2e-4);
  EXPECT_LE(LargestDifference(one->frozen, many->frozen), 2e-4);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(one->circuits[i].alone.token.logit, many->circuits[i].alone.token.logit, 2e-4);
    EXPECT_NEAR(one->circuits[i].without.token.logit, many->circuits[i].without.token.logit, 2e-4);
  }
}

const Case kCases[] = {
    {"plain", {}, {}, {}},
    {"topk_with_skip", {}, {.activation = ActivationKind::kReluTopK, .skip = true}, {}},
    {"after_the_norm",
     {},
     {.output_site = gemma3::HookSite::kMlpOut, .activation = ActivationKind::kJumpRelu},
     {}},
    {"keeps_negative_activations", {}, {.activation = ActivationKind::kTopK}, {}},
    {"topk_of_the_prompt", {}, {.activation = ActivationKind::kBatchTopK}, {}},
    {"cross_layer", {.n_layers = 5}, {.skip = true, .n_targets = 3}, {}},
    {"two_images", {}, {}, {{1, 4}, {5, 8}}},
};

INSTANTIATE_TEST_SUITE_P(RandomModels, Ablations, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(MeasureAblations, APromptWithOtherActivationsIsRefused) {
  RandomWorld world;
  const AttributionGraph graph = GraphOf(world);
  const auto plan = PlanValidation(graph, {.nodes = {0}}, world.model.config.text.vocab_size);
  ASSERT_THAT(plan, IsOk());
  const std::vector<int64_t> ids = world.input.token_ids;
  world.input.token_ids = testing::RandomTensors(99).TokenIds(9, 32);
  const auto refused = Measure(world, plan->runs);
  EXPECT_THAT(refused, HasReason("PROMPT_DIFFERS"));
  EXPECT_THAT(refused, HasField("prompt"));
  world.input.token_ids = ids;
  EXPECT_THAT(Measure(world, plan->runs), IsOk());
}

TEST(MeasureAblations, StopsWhenItIsToldTo) {
  const RandomWorld world;
  const auto plan =
      PlanValidation(GraphOf(world), {.nodes = {0, 1}}, world.model.config.text.vocab_size);
  ASSERT_THAT(plan, IsOk());
  auto stop = std::make_shared<StopFlag>();
  // As soon as the first unfrozen runs are done.
  RunContext context(stop, RunContext::Clock::time_point::max(), [&](const Progress& progress) {
    if (progress.phase == "unfrozen" && progress.done > 0) {
      stop->RequestStop(absl::StatusCode::kCancelled);
    }
  });
  std::vector<TokenWeights> terms;
  for (const MeasuredTarget& target : plan->runs.targets) {
    TokenWeights& weights = terms.emplace_back();
    for (const LogitTerm& term : target.terms) weights.emplace_back(term.token_id, term.weight);
  }
  const auto result =
      MeasureAblations(world.model, *world.transcoders,
                       {.input = world.input,
                        .request = plan->runs,
                        .terms = std::move(terms),
                        .mean_unembedding = world.model.weights.decoder.unembedding.mean(0),
                        .answer_position = 8,
                        .zero_positions = kZeroPositions},
                       &context);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
}

TEST(CheckAblations, RefusesPlacesThatTheModelDoesNotHave) {
  const RandomWorld world;  // 4 layers of 24 features, 9 positions
  const auto refused = [&world](const AblationRequest& request) {
    return CheckAblations(request, world.Limits(), 100);
  };
  AblationRequest request;
  request.ablations = {{.layer = 1, .position = 3, .feature = 2}};
  EXPECT_THAT(refused(request), IsOk());
  request.ablations[0].feature = 24;
  EXPECT_THAT(refused(request), HasReason("OTHER_MODEL"));
  EXPECT_THAT(refused(request), HasField("graph"));
  request.ablations = {{.kind = SourceKind::kToken, .position = 9}};
  EXPECT_THAT(refused(request), HasReason("OTHER_MODEL"));
  request.ablations = {{.kind = SourceKind::kError, .layer = 0, .position = 0}};
  EXPECT_THAT(refused(request), HasReason("OTHER_MODEL"));  // a zeroed position
  request.ablations.clear();
  request.targets = {{.position = 2, .layer = 4}};
  EXPECT_THAT(refused(request), HasReason("OTHER_MODEL"));
  request.targets.clear();
  request.circuits = {{.nodes = {{.layer = -1, .position = 2}}}};
  EXPECT_THAT(refused(request), HasReason("OTHER_MODEL"));
  request.circuits.clear();
  request.run.freeze = {FreezeKind::kLayers, 0, 9};
  EXPECT_THAT(refused(request), HasField("settings.freeze.last_layer"));
  request.run.freeze = {};
  EXPECT_THAT(refused(request), IsOk());
}

}  // namespace
}  // namespace cajal::intervention
