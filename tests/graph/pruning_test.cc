#include "model/graph/pruning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "model/graph/graph_view.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// The (target, source) pairs that stay.
std::vector<std::pair<int32_t, int32_t>> KeptEdges(const AttributionGraph& graph,
                                                   const PruningResult& pruning) {
  const GraphView view = PrunedView(graph, pruning);
  std::vector<std::pair<int32_t, int32_t>> edges;
  for (size_t i = 0; i < view.targets.size(); ++i) {
    edges.emplace_back(view.targets[i], view.sources[i]);
  }
  return edges;
}

PruningResult Prune(const AttributionGraph& graph, double node_threshold, double edge_threshold) {
  auto result = PruneGraph(graph, {node_threshold, edge_threshold});
  EXPECT_TRUE(result.ok()) << result.status();
  return *std::move(result);
}

// Influences in order: 9 .334375, 2 .3, 1 .2625, 3 .25, 5 .15, …, of 1.6875 in all. The running sum
// passes 0.7 at node 5. Without 0, 6 and 7 the edges score, in order: 10<-2 .342857, 1<-9 .294643,
// 3<-1 .278571, 2<-5 .228571, 11<-3 .2, …, of 1.907143 in all: 0.55 is passed at 2<-5. Now 3 leads
// nowhere; without 3, 1 leads nowhere.
TEST(PruningTest, KeepsWhatPaperAndPencilKeep) {
  const AttributionGraph graph = TwelveNodeGraph();
  const PruningResult pruning = Prune(graph, 0.7, 0.55);
  EXPECT_THAT(KeptEdges(graph, pruning), ElementsAre(Pair(2, 5), Pair(10, 2)));
  EXPECT_THAT(PrunedView(graph, pruning).nodes, ElementsAre(2, 5, 8, 9, 10, 11));
  EXPECT_EQ(pruning.n_kept_nodes, 6);
  EXPECT_EQ(pruning.n_kept_edges, 2);
}

// At 0.75 of the edges 11<-3 and 10<-3 stay too, so nothing is a dead end; logit 11's one edge has
// all of its influence because the dropped error 6 no longer takes a share.
TEST(PruningTest, ScoresEdgesAmongTheKeptNodesAnew) {
  const AttributionGraph graph = TwelveNodeGraph();
  EXPECT_THAT(
      KeptEdges(graph, Prune(graph, 0.7, 0.75)),
      ElementsAre(Pair(1, 9), Pair(2, 5), Pair(3, 1), Pair(10, 2), Pair(10, 3), Pair(11, 3)));
}

TEST(PruningTest, ReportsInfluenceAndTheShareOfAllAtLeastAsInfluential) {
  const PruningResult pruning = Prune(TwelveNodeGraph(), 0.7, 0.55);
  EXPECT_NEAR(pruning.node_influence[2], 0.3, 1e-6);
  EXPECT_NEAR(pruning.cumulative_influence[9], 0.334375 / 1.6875, 1e-6);
  EXPECT_NEAR(pruning.cumulative_influence[2], 0.634375 / 1.6875, 1e-6);
  EXPECT_NEAR(pruning.cumulative_influence[8], 1.4375 / 1.6875, 1e-6);
  EXPECT_NEAR(pruning.cumulative_influence[4], 1, 1e-6);  // no influence: last in rank
}

TEST(PruningTest, EdgesThatTieWithTheLastOneStay) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.logits[1].probability = 0.6f;
  graph.edges = MakeEdges(12, {{10, 8, 1}, {10, 9, 1}, {11, 8, -1}, {11, 9, -1}});
  EXPECT_EQ(Prune(graph, 0.1, 0.1).n_kept_edges, 4);
}

// circuit-tracer up to 0.4.1 could keep every pair of nodes here.
TEST(PruningTest, ThresholdsOfOneKeepEveryEdgeThatCarriesInfluence) {
  const AttributionGraph graph = TwelveNodeGraph();
  const PruningResult pruning = Prune(graph, 1, 1);
  EXPECT_EQ(pruning.n_kept_edges, graph.edges.n_edges());
  EXPECT_EQ(pruning.n_kept_nodes, 11);  // all but error 4, which has no edge
}

TEST(PruningTest, ThresholdsOfZeroKeepTheLargestNodeTokensAndLogits) {
  const AttributionGraph graph = TwelveNodeGraph();
  EXPECT_THAT(PrunedView(graph, Prune(graph, 0, 0)).nodes, ElementsAre(8, 9, 10, 11));
}

TEST(PruningTest, AGraphWithoutEdgesKeepsTokensAndLogits) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {});
  const PruningResult pruning = Prune(graph, 0.8, 0.98);
  EXPECT_THAT(PrunedView(graph, pruning).nodes, ElementsAre(8, 9, 10, 11));
  EXPECT_THAT(KeptEdges(graph, pruning), IsEmpty());
  EXPECT_THAT(pruning.cumulative_influence, Each(0.0f));
}

TEST(PruningTest, AnEdgeThatWeighsNothingIsDroppedAtAnyThreshold) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {{10, 8, 0}});
  EXPECT_THAT(KeptEdges(graph, Prune(graph, 1, 1)), IsEmpty());
}

TEST(PruningTest, AGraphWithAnEdgeAgainstTheLayersIsRefusedAndTheNextIsPruned) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {{0, 2, 1}, {10, 0, 1}});
  EXPECT_EQ(ReasonOf(PruneGraph(graph, {}).status()), "NOT_LAYER_ORDERED");
  EXPECT_TRUE(PruneGraph(TwelveNodeGraph(), {}).ok());
}

TEST(PruningTest, EveryKeptEdgeJoinsKeptNodesAndNoFeatureIsADeadEnd) {
  const AttributionGraph graph = RandomGraph(1, 60);
  const PruningResult pruning = Prune(graph, 0.6, 0.5);
  std::vector<int> incoming(graph.n_nodes()), outgoing(graph.n_nodes());
  for (const auto& [target, source] : KeptEdges(graph, pruning)) {
    EXPECT_TRUE(pruning.node_mask[target] && pruning.node_mask[source]);
    ++incoming[target];
    ++outgoing[source];
  }
  for (int32_t node = 0; node < graph.first_token(); ++node) {
    if (!pruning.node_mask[node]) continue;
    EXPECT_GT(outgoing[node], 0) << node;
    if (node < graph.first_error()) {
      EXPECT_GT(incoming[node], 0) << node;
    }
  }
}

TEST(PruningTest, AThresholdOutsideZeroToOneNamesItsField) {
  const AttributionGraph graph = TwelveNodeGraph();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (double bad : {-0.01, 1.01, nan}) {
    EXPECT_EQ(FieldOf(PruneGraph(graph, {bad, 0.98}).status()), "node_threshold") << bad;
    EXPECT_EQ(FieldOf(PruneGraph(graph, {0.8, bad}).status()), "edge_threshold") << bad;
  }
}

}  // namespace
}  // namespace cajal::graph
