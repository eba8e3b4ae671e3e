// The rules of pruning, alone and one after the other, against DenseReference.
#include "model/graph/pruning_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "model/graph/node.h"
#include "model/graph/pruning.h"
#include "tests/graph/dense_reference.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::ElementsAre;

PruningResult Prune(const AttributionGraph& graph, const PruningOptions& options) {
  auto result = PruneGraph(graph, options);
  EXPECT_TRUE(result.ok()) << result.status();
  return *std::move(result);
}

std::vector<int32_t> KeptNodes(const PruningResult& pruning) {
  std::vector<int32_t> nodes;
  for (size_t i = 0; i < pruning.node_mask.size(); ++i) {
    if (pruning.node_mask[i] != 0) nodes.push_back(static_cast<int32_t>(i));
  }
  return nodes;
}

struct Recipe {
  const char* name;
  std::vector<PruningRule> steps;
};

// The reference takes a weight of zero for no edge.
AttributionGraph RandomGraphWithoutZeros(uint64_t seed) {
  AttributionGraph graph = RandomGraph(seed, 60);
  for (float& weight : graph.edges.weights) {
    if (weight == 0) weight = 0.5f;
  }
  return graph;
}

void PrintTo(const Recipe& recipe, std::ostream* out) { *out << recipe.name; }

class RecipeTest : public ::testing::TestWithParam<Recipe> {};

TEST_P(RecipeTest, KeepsWhatTheDefinitionsKeep) {
  for (uint64_t seed : {1, 2, 3}) {
    const AttributionGraph graph = RandomGraphWithoutZeros(seed);
    PruningOptions options{.steps = GetParam().steps,
                           .keep_ids = {NodeId(graph, 3), NodeId(graph, graph.first_error() + 5)},
                           .logit_ids = {NodeId(graph, graph.first_logit() + 1),
                                         NodeId(graph, graph.first_logit() + 2)}};
    DenseReference chosen(graph);
    chosen.keep[3] = chosen.keep[graph.first_error() + 5] = true;
    chosen.logit_weights[graph.first_logit()] = 0;
    chosen.Drop(graph.first_logit());
    DenseReference plain(graph);
    for (const PruningRule& rule : GetParam().steps) {
      chosen.Apply(rule);
      plain.Apply(rule);
    }

    const PruningResult pruning = Prune(graph, options);
    EXPECT_EQ(pruning.node_mask, chosen.NodeMask()) << seed;
    EXPECT_EQ(pruning.edge_mask, chosen.EdgeMask()) << seed;
    const GraphScores scores = KeptScores(graph, pruning);
    EXPECT_NEAR(scores.replacement, chosen.Scores().replacement, 1e-12) << seed;
    EXPECT_NEAR(scores.completeness, chosen.Scores().completeness, 1e-12) << seed;

    const PruningResult all = Prune(graph, {.steps = GetParam().steps});
    EXPECT_EQ(all.node_mask, plain.NodeMask()) << seed;
    EXPECT_EQ(all.edge_mask, plain.EdgeMask()) << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Recipes, RecipeTest,
    ::testing::Values(
        Recipe{"Influence", {InfluenceRule{0.7, 0.9}}},
        Recipe{"InfluenceTwice", {InfluenceRule{0.9, 0.95}, InfluenceRule{0.9, 0.95}}},
        Recipe{"Weight", {WeightRule{0.6}}}, Recipe{"TopSources", {TopSourcesRule{3}}},
        Recipe{"Layers", {PlaceRule{.first_layer = 1, .last_layer = 2}}},
        Recipe{"Positions", {PlaceRule{.first_position = 1, .last_position = 2}}},
        Recipe{"Image", {PlaceRule{.modality = Modality::kImage}}},
        Recipe{"Text", {PlaceRule{.modality = Modality::kText}}},
        Recipe{"PlaceThenInfluence",
               {PlaceRule{.last_layer = 1, .first_position = 1}, InfluenceRule{0.8, 0.9}}},
        Recipe{"InfluenceThenPlace",
               {InfluenceRule{0.8, 0.9}, PlaceRule{.last_layer = 1, .first_position = 1}}},
        Recipe{"AllFour",
               {WeightRule{0.1}, TopSourcesRule{12}, PlaceRule{.modality = Modality::kText},
                InfluenceRule{0.9, 0.9}}}),
    [](const auto& test) { return test.param.name; });

TEST(PruningRulesTest, TheOrderOfStepsMatters) {
  const AttributionGraph graph = RandomGraph(1, 60);
  const PruningRule few = TopSourcesRule{5};
  const PruningRule influential = InfluenceRule{0.8, 0.9};
  EXPECT_NE(Prune(graph, {.steps = {few, influential}}).edge_mask,
            Prune(graph, {.steps = {influential, few}}).edge_mask);
}

TEST(PruningRulesTest, WithoutStepsTheThresholdsAreOneStepOfInfluence) {
  const AttributionGraph graph = RandomGraph(4, 60);
  const PruningResult plain = Prune(graph, {0.6, 0.7});
  const PruningResult step = Prune(graph, {.steps = {InfluenceRule{0.6, 0.7}}});
  EXPECT_EQ(plain.node_mask, step.node_mask);
  EXPECT_EQ(plain.edge_mask, step.edge_mask);
}

// In TwelveNodeGraph, 10 has the sources 2 (4), 3 (-2), 7 (1) and 9 (1), and 2 has 5 (2), 0 (1) and
// 1 (1): of equal weights the first node wins.
TEST(PruningRulesTest, OfEquallyStrongSourcesTheFirstInNodeOrderStay) {
  const AttributionGraph graph = TwelveNodeGraph();
  const PruningResult pruning = Prune(graph, {.steps = {TopSourcesRule{2}}});
  const auto kept_sources = [&](int32_t row) {
    std::vector<int32_t> sources;
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      if (pruning.edge_mask[e] != 0) sources.push_back(graph.edges.columns[e]);
    }
    return sources;
  };
  EXPECT_THAT(kept_sources(10), ElementsAre(2, 3));
  EXPECT_THAT(kept_sources(2), ElementsAre(0, 5));
}

// |weight| >= 2 keeps 0<-8, 1<-9, 2<-5, 3<-1, 10<-2, 10<-3. Feature 0 leads nowhere then, and logit
// 11 has no edge but stays, as tokens do.
TEST(PruningRulesTest, AWeightAtTheBoundStaysAndDeadEndsGo) {
  const PruningResult pruning = Prune(TwelveNodeGraph(), {.steps = {WeightRule{2}}});
  EXPECT_THAT(KeptNodes(pruning), ElementsAre(1, 2, 3, 5, 8, 9, 10, 11));
  EXPECT_EQ(pruning.n_kept_edges, 5);
}

TEST(PruningRulesTest, AKeptNodeStaysWithoutAnyEdge) {
  const AttributionGraph graph = TwelveNodeGraph();
  const PruningResult pruning =
      Prune(graph, {.steps = {WeightRule{100}}, .keep_ids = {"0_3_0", "0_-1_0"}});
  EXPECT_THAT(KeptNodes(pruning), ElementsAre(0, 4, 8, 9, 10, 11));
  EXPECT_EQ(pruning.n_kept_edges, 0);
  EXPECT_EQ(KeptScores(graph, pruning).replacement, 0);
}

// Logit 11 alone: 3 and 6 have a half each, 3 passes 3/8 to 1 and 1/8 to 9, and 1 passes on 1/4 and
// 3/4 of it.
TEST(PruningRulesTest, ChosenLogitsAloneHaveInfluenceAndStay) {
  const AttributionGraph graph = TwelveNodeGraph();
  const PruningResult pruning =
      Prune(graph, {.node_threshold = 1, .edge_threshold = 1, .logit_ids = {"3_41_1"}});
  EXPECT_THAT(KeptNodes(pruning), ElementsAre(1, 3, 6, 8, 9, 11));
  EXPECT_NEAR(pruning.node_influence[3], 0.2 * 0.5, 1e-7);
  EXPECT_NEAR(pruning.node_influence[1], 0.2 * 0.375, 1e-7);
  EXPECT_NEAR(pruning.node_influence[9], 0.2 * (0.125 + 0.375 * 0.75), 1e-7);
  EXPECT_EQ(pruning.node_influence[2], 0);
}

TEST(PruningRulesTest, NothingIsLeftOfPlacesBeyondTheGraph) {
  const PruningResult pruning =
      Prune(RandomGraph(1, 60), {.steps = {PlaceRule{.first_layer = 7, .first_position = 9}}});
  EXPECT_EQ(pruning.n_kept_nodes, 3);  // the logits
  EXPECT_EQ(pruning.n_kept_edges, 0);
}

TEST(PruningRulesTest, FilesNameTheThresholdsOfTheLastInfluenceStep) {
  EXPECT_EQ(ThresholdsOf({0.5, 0.6}).node_threshold, 0.5);
  EXPECT_EQ(
      ThresholdsOf({.steps = {InfluenceRule{0.1, 0.2}, InfluenceRule{0.3, 0.4}}}).edge_threshold,
      0.4);
  EXPECT_EQ(ThresholdsOf({.steps = {WeightRule{1}}}).node_threshold, 1);
}

struct BadOptions {
  const char* name;
  PruningOptions options;
  const char* field;
};
void PrintTo(const BadOptions& bad, std::ostream* out) { *out << bad.name; }

class BadOptionsTest : public ::testing::TestWithParam<BadOptions> {};

TEST_P(BadOptionsTest, AreRefusedByFieldAndTheNextPruningIsDone) {
  const AttributionGraph graph = TwelveNodeGraph();
  const auto refused = PruneGraph(graph, GetParam().options);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldOf(refused.status()), GetParam().field) << refused.status();
  EXPECT_TRUE(PruneGraph(graph, {}).ok());
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
INSTANTIATE_TEST_SUITE_P(
    Options, BadOptionsTest,
    ::testing::Values(
        BadOptions{
            "NodeShare", {.steps = {InfluenceRule{1.5, 1}}}, "steps[0].influence.node_threshold"},
        BadOptions{"EdgeShare",
                   {.steps = {WeightRule{}, InfluenceRule{1, kNan}}},
                   "steps[1].influence.edge_threshold"},
        BadOptions{"NegativeWeight", {.steps = {WeightRule{-1}}}, "steps[0].weight.min_weight"},
        BadOptions{
            "InfiniteWeight", {.steps = {WeightRule{INFINITY}}}, "steps[0].weight.min_weight"},
        BadOptions{"NoSources", {.steps = {TopSourcesRule{0}}}, "steps[0].top_sources.max_sources"},
        BadOptions{"LayersBackwards",
                   {.steps = {PlaceRule{.first_layer = 2, .last_layer = 1}}},
                   "steps[0].place.last_layer"},
        BadOptions{"NegativePosition",
                   {.steps = {PlaceRule{.first_position = -1}}},
                   "steps[0].place.last_position"},
        BadOptions{"TooManySteps", {.steps = std::vector<PruningRule>(33, WeightRule{})}, "steps"},
        BadOptions{
            "TooManyIds", {.keep_ids = std::vector<std::string>(10001, "E_2_0")}, "keep_ids"},
        BadOptions{"UnknownNode", {.keep_ids = {"E_2_0", "Mars"}}, "keep_ids[1]"},
        BadOptions{"UnknownLogit", {.logit_ids = {"3_99_1"}}, "logit_ids[0]"},
        BadOptions{"NoLogit", {.logit_ids = {"E_2_0"}}, "logit_ids[0]"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cajal::graph
