// What is asked of a graph of twelve nodes, as runs; and the comparison with made-up measurements.
#include "model/intervention/validation_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/graph/test_graphs.h"
#include "tests/support/status_matchers.h"

namespace cajal::intervention {
namespace {

using graph::AttributionGraph;
using graph::TwelveNodeGraph;
using ::testing::ElementsAre;
using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;

constexpr int64_t kVocab = 100;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Features 0 to 3, errors 4 to 7, tokens 8 and 9, logits 10 and 11. At position 0 features are not
// left out.
AttributionGraph Graph() {
  AttributionGraph graph = TwelveNodeGraph();
  graph.settings.zero_positions = 0;
  return graph;
}

absl::StatusOr<ValidationPlan> Plan(const ValidationRequest& request,
                                    const AttributionGraph& graph = Graph()) {
  return PlanValidation(graph, request, kVocab);
}

std::vector<NodePair> PairsOf(const std::vector<Effect>& effects) {
  std::vector<NodePair> pairs;
  pairs.reserve(effects.size());
  for (const Effect& effect : effects) pairs.push_back(effect.nodes);
  return pairs;
}

TEST(PlanValidation, ListedEdgesBecomeAblationsAndPredictions) {
  const auto plan = Plan({.edges = {{1, 2}, {5, 2}, {1, 10}, {9, 3}}});
  ASSERT_FALSE(plan.ok());  // there is no edge from feature 1 to logit 10
  EXPECT_THAT(plan, FailsWith(kInvalid, "edges[2]: the graph has no edge from 0_1_1 to 3_40_1"));

  const auto good = Plan({.edges = {{1, 2}, {5, 2}, {9, 3}}});
  ASSERT_THAT(good, IsOk());
  EXPECT_THAT(good->ablated, ElementsAre(1, 5, 9));
  EXPECT_EQ(good->runs.ablations[0],
            (EdgeSource{.kind = SourceKind::kFeature, .layer = 0, .position = 1, .feature = 1}));
  EXPECT_EQ(good->runs.ablations[1],
            (EdgeSource{.kind = SourceKind::kError, .layer = 0, .position = 1}));
  EXPECT_EQ(good->runs.ablations[2], (EdgeSource{.kind = SourceKind::kToken, .position = 1}));
  // Features in their order, then logits, with what they are measured by.
  EXPECT_THAT(good->targets, ElementsAre(0, 1, 2, 3, 10, 11));
  EXPECT_EQ(good->runs.targets[2].layer, 1);
  EXPECT_EQ(good->runs.targets[2].activation, 2);
  EXPECT_EQ(good->runs.targets[4].terms[0].token_id, 40);
  EXPECT_EQ(good->runs.targets[4].position, 1);
  // Minus the edge; minus the sum over all paths.
  EXPECT_EQ(good->edges[0].direct, -1);
  EXPECT_EQ(good->edges[0].total, -1);
  EXPECT_EQ(good->edges[2].direct, -1);
  EXPECT_NEAR(good->edges[2].total, -(1 + -3 * -3 / 0.5), 1e-5);  // through feature 1, too
  EXPECT_EQ(good->runs.answer_id, 40);
  EXPECT_TRUE(good->points.empty());
}

TEST(PlanValidation, ListedNodesAreLookedAtOnEveryLogit) {
  const auto plan = Plan({.nodes = {3, 8}});
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(PairsOf(plan->nodes),
              ElementsAre(NodePair{3, 10}, NodePair{3, 11}, NodePair{8, 10}, NodePair{8, 11}));
  EXPECT_EQ(plan->nodes[0].direct, 2);
  EXPECT_EQ(plan->nodes[2].direct, 0);
  EXPECT_NEAR(plan->nodes[2].total, -(20.0 / 3 + 48), 1e-4);
}

TEST(PlanValidation, TheLargestEdgesAndNodesAreThoseOfTheKindsAskedFor) {
  ValidationRequest request{
      .sample = ValidationSample{.n_edges = 3, .n_nodes = 2, .by = SampleBy::kLargest}};
  const auto features = Plan(request);
  ASSERT_THAT(features, IsOk());
  // |weights| 4 and 3, then the first of two of 2.
  EXPECT_THAT(PairsOf(features->edges),
              ElementsAre(NodePair{1, 3}, NodePair{2, 10}, NodePair{3, 10}));
  EXPECT_EQ(features->nodes.size(), 4U);
  request.sample->features = false;
  request.sample->errors = true;
  const auto errors = Plan(request);
  ASSERT_THAT(errors, IsOk());
  EXPECT_THAT(PairsOf(errors->edges),
              ElementsAre(NodePair{5, 2}, NodePair{7, 10}, NodePair{6, 11}));
  // The sample comes beside what is listed, and no edge twice.
  request.edges = {{7, 10}, {2, 10}};
  EXPECT_THAT(PairsOf(Plan(request)->edges),
              ElementsAre(NodePair{7, 10}, NodePair{2, 10}, NodePair{5, 2}, NodePair{6, 11}));
}

TEST(PlanValidation, CircuitsAreWhatPruningKeeps) {
  ValidationRequest request;
  request.faithfulness.thresholds = {1, 0.5};
  const auto plan = Plan(request);
  ASSERT_THAT(plan, IsOk());
  ASSERT_EQ(plan->points.size(), 3U);
  EXPECT_EQ(plan->points[0].threshold, 0);
  EXPECT_TRUE(plan->runs.circuits[0].nodes.empty());
  EXPECT_EQ(plan->points[1].threshold, 0.5);
  EXPECT_EQ(plan->points[2].threshold, 1);
  EXPECT_EQ(plan->points[2].n_features, 4);  // everything has influence
  EXPECT_LT(plan->points[1].n_features, 4);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(static_cast<int32_t>(plan->runs.circuits[i].nodes.size()),
              plan->points[i].n_features + plan->points[i].n_errors);
  }
  EXPECT_FALSE(plan->runs.ablate_errors);
}

TEST(PlanValidation, TargetsThatAreNoTokensAreMeasuredWhereTheGraphSaysHow) {
  AttributionGraph graph = Graph();
  graph.settings.targets = {{.what = graph::TokenSum{{{" a", 1.5F}, {" b", -1}}}},
                            {.what = graph::Direction{}},
                            {.what = graph::TargetFeature{1, 5}, .position = 1}};
  for (int i = 0; i < 2; ++i) graph.logits[static_cast<size_t>(i)].token_id = kVocab + i;
  const auto plan = Plan({.nodes = {3}}, graph);
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->targets, ElementsAre(0, 1, 2, 3, 10));  // not the direction
  EXPECT_EQ(plan->runs.targets[4].terms[1].token, " b");
  EXPECT_EQ(plan->runs.targets[4].terms[1].weight, -1);
  EXPECT_EQ(plan->runs.answer_id, -1);  // no logit is a token
  EXPECT_THAT(Plan({.edges = {{3, 11}}}, graph), HasReason("DIRECTION_NOT_KEPT"));
  EXPECT_THAT(Plan({.edges = {{3, 11}}}, graph), HasField("edges[0].target"));
  graph.logits[1].token_id = kVocab + 2;
  const auto of_feature = Plan({.edges = {{3, 11}}}, graph);
  ASSERT_THAT(of_feature, IsOk());
  EXPECT_EQ(of_feature->runs.targets[5].feature, 5);
}

TEST(PlanValidation, RefusesWhatTheGraphDoesNotHave) {
  const auto refused = [](const ValidationRequest& request) { return Plan(request).status(); };
  EXPECT_THAT(refused({.edges = {{10, 11}}}), HasField("edges[0].source"));
  EXPECT_THAT(refused({.edges = {{1, 5}}}), HasField("edges[0].target"));
  EXPECT_THAT(refused({.edges = {{1, 2}, {0, 11}}}), HasField("edges[1]"));
  EXPECT_THAT(refused({.nodes = {10}}), FailsWith(kInvalid, "3_40_1 is a logit"));
  EXPECT_THAT(refused({.nodes = {10}}), HasField("nodes"));
  EXPECT_THAT(refused({}), HasField("sample"));  // nothing to do

  AttributionGraph graph = Graph();
  graph.settings.zero_positions = 1;
  EXPECT_THAT(Plan({.nodes = {4}}, graph), FailsWith(kInvalid, "stands for nothing"));
  ValidationRequest other_zeros{.nodes = {1}};
  other_zeros.run.zero_positions = 2;
  EXPECT_THAT(Plan(other_zeros, graph), HasField("settings.zero_positions"));
  graph.imported.emplace();
  EXPECT_THAT(Plan({.nodes = {1}}, graph), HasReason("IMPORTED_GRAPH"));
  EXPECT_THAT(refused({.nodes = {1}}), IsOk());
}

TEST(PlanValidation, RefusesNumbersOutOfRange) {
  const auto with_thresholds = [](std::vector<double> thresholds, double edge_threshold = 0.98) {
    ValidationRequest request;
    request.faithfulness.thresholds = std::move(thresholds);
    request.faithfulness.edge_threshold = edge_threshold;
    return Plan(request).status();
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(with_thresholds({0.5, 0}), HasField("faithfulness.thresholds[1]"));
  EXPECT_THAT(with_thresholds({1.5}), FailsWith(kInvalid, "must be above 0 and at most 1"));
  EXPECT_THAT(with_thresholds({kNan}), HasField("faithfulness.thresholds[0]"));
  EXPECT_THAT(with_thresholds(std::vector<double>(101, 0.5)), HasField("faithfulness.thresholds"));
  EXPECT_THAT(with_thresholds({0.5}, kNan), HasField("faithfulness.edge_threshold"));
  EXPECT_THAT(with_thresholds({0.5}, -0.1), HasField("faithfulness.edge_threshold"));
  const auto with_sample = [](int32_t n_edges, int32_t n_nodes) {
    return Plan({.sample = ValidationSample{.n_edges = n_edges, .n_nodes = n_nodes}}).status();
  };
  EXPECT_THAT(with_sample(-1, 0), HasField("sample.edges"));
  EXPECT_THAT(with_sample(10'001, 0), FailsWith(kInvalid, "must be from 0 to 10000, not 10001"));
  EXPECT_THAT(with_sample(0, 1001), HasField("sample.nodes"));
  EXPECT_THAT(with_sample(2, 2), IsOk());
  EXPECT_THAT(with_thresholds({0.5, 1}), IsOk());
}

TEST(PlanValidation, RefusesMoreAblationsThanPermitted) {
  const AttributionGraph graph = graph::RandomGraph(3, 3000);
  ValidationRequest request{.sample = ValidationSample{.n_edges = 10'000, .n_nodes = 1000}};
  request.sample->by = SampleBy::kUniform;
  EXPECT_THAT(Plan(request, graph), HasField("nodes"));
  request.sample->n_edges = 100;
  request.sample->n_nodes = 100;
  EXPECT_THAT(Plan(request, graph), IsOk());
}

TEST(CompareWithGraph, PutsMeasurementsBesidePredictions) {
  const AttributionGraph graph = Graph();
  ValidationRequest request{.edges = {{1, 2}, {3, 10}}, .nodes = {3}};
  request.faithfulness.thresholds = {0.5};
  const auto plan = Plan(request);
  ASSERT_THAT(plan, IsOk());
  AblationResult runs;
  // Rows: features 1 and 3; columns: features 0 to 3, logits 10 and 11.
  runs.frozen = {0, 0, -1, 3, 0.5F, 0,  //
                 0, 0, 0,  0, 2,    -1};
  runs.unfrozen = {0, 0, -2, 0, 0, 0,  //
                   0, 0, 0,  0, 3, -4};
  runs.clean = {.probability = 0.5F};
  runs.answer = " two";
  runs.circuits.resize(2);
  runs.circuits[1].alone.token.probability = 0.25F;
  const ValidationResult result = CompareWithGraph(graph, *plan, runs);
  ASSERT_EQ(result.edges.size(), 2U);
  EXPECT_EQ(result.edges[0].frozen, -1);
  EXPECT_EQ(result.edges[0].unfrozen, -2);
  EXPECT_EQ(result.edges[1].frozen, 2);
  EXPECT_EQ(result.nodes[1].unfrozen, -4);
  EXPECT_EQ(*result.frozen_edges.slope, 1);
  EXPECT_EQ(*result.unfrozen_edges.slope, 8.0 / 5);  // (1 * 2 + 2 * 3) / (1 + 4)
  EXPECT_EQ(*result.unfrozen_nodes.slope, 2);        // (2 * 3 + 1 * 4) / (4 + 1)
  // Feature 1 has edges to 2 and 3, feature 3 to both logits.
  EXPECT_EQ(result.frozen_all.n, 4);
  EXPECT_EQ(*result.frozen_all.slope, 1);
  EXPECT_EQ(result.largest_unpredicted, 0.5);
  EXPECT_EQ(result.n_ablations, 2);
  ASSERT_TRUE(result.curve.has_value());
  EXPECT_EQ(result.curve->token, " two");
  EXPECT_EQ(*result.curve->points[1].alone, 0.5);
}

}  // namespace
}  // namespace cajal::intervention
