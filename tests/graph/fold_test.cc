#include "model/graph/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <utility>

#include "model/graph/node.h"
#include "model/graph/pruning.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

SupernodeForest Resolve(const AttributionGraph& graph, const std::vector<Supernode>& supernodes) {
  const auto forest = ResolveSupernodes(graph, supernodes);
  EXPECT_TRUE(forest.ok()) << forest.status();
  return *forest;
}

// (target, source) of every edge.
std::map<std::pair<int32_t, int32_t>, float> Edges(const FoldedGraph& folded) {
  std::map<std::pair<int32_t, int32_t>, float> edges;
  for (int64_t e = 0; e < folded.n_edges(); ++e) {
    edges[{folded.targets[e], folded.sources[e]}] = folded.weights[e];
  }
  EXPECT_EQ(static_cast<int64_t>(edges.size()), folded.n_edges()) << "an edge stands twice";
  return edges;
}

// Features 1 and 3 become one node, 12. Into it: 1 and -3 from tokens 8 and 9 into feature 1, 1
// from token 9 into feature 3; inside: -3 from 1 into 3. From it: 1 into feature 2, -2 and 1 into
// the logits.
TEST(FoldTest, EdgesOfASupernodeAreSumsOverItsMembers) {
  const AttributionGraph graph = TwelveNodeGraph();
  const FoldedGraph folded =
      Fold(graph, Resolve(graph, {{"pair", {"0_1_1", "1_5_1"}}}), {}, {}, {});
  EXPECT_THAT(folded.nodes, ElementsAre(0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12));
  const std::map<std::pair<int32_t, int32_t>, float> expected = {
      {{0, 8}, 2},  {{2, 0}, 1},    {{2, 5}, 2},  {{2, 12}, 1},  {{10, 2}, 4}, {{10, 7}, 1},
      {{10, 9}, 1}, {{10, 12}, -2}, {{11, 6}, 1}, {{11, 12}, 1}, {{12, 8}, 1}, {{12, 9}, -2}};
  EXPECT_EQ(Edges(folded), expected);
  ASSERT_EQ(folded.insides.size(), 1u);
  EXPECT_EQ(folded.insides[0].n_nodes, 2);
  EXPECT_EQ(folded.insides[0].n_edges, 1);
  EXPECT_EQ(folded.insides[0].weight, -3);
  EXPECT_EQ(folded.insides[0].magnitude, 3);
  EXPECT_EQ(folded.magnitudes.back(), 4);  // -3 and 1 from token 9
  EXPECT_EQ(folded.counts.back(), 2);
}

TEST(FoldTest, EdgesThatCancelStayVisible) {
  const AttributionGraph graph = TwelveNodeGraph();
  // -2 and 1 from feature 3 into the logits, 1 from token 9.
  const FoldedGraph folded =
      Fold(graph, Resolve(graph, {{"from", {"1_5_1", "E_70_1"}}, {"to", {"3_40_1", "3_41_1"}}}), {},
           {}, {});
  EXPECT_EQ(folded.targets.back(), 13);
  EXPECT_EQ(folded.sources.back(), 12);
  EXPECT_EQ(folded.weights.back(), 0);
  EXPECT_EQ(folded.magnitudes.back(), 4);
  EXPECT_EQ(folded.counts.back(), 3);
}

TEST(FoldTest, WithoutSupernodesAndWithAllOpenedTheGraphIsWhatItWas) {
  const AttributionGraph graph = RandomGraph(7, 20);
  const SupernodeForest forest = Resolve(graph, {{"outer", {"inner", NodeId(graph, 0)}},
                                                 {"inner", {NodeId(graph, 5), NodeId(graph, 1)}},
                                                 {"other", {NodeId(graph, graph.first_logit())}}});
  for (const FoldedGraph& folded :
       {Fold(graph, {}, {}, {}, {}), Fold(graph, forest, std::vector<uint8_t>{1, 1, 1}, {}, {})}) {
    EXPECT_EQ(static_cast<int32_t>(folded.nodes.size()), graph.n_nodes());
    EXPECT_THAT(folded.sources, ElementsAreArray(graph.edges.columns));
    EXPECT_THAT(folded.weights, ElementsAreArray(graph.edges.weights));
    EXPECT_THAT(folded.insides, IsEmpty());
    for (int64_t e = 0; e < folded.n_edges(); ++e) {
      EXPECT_LE(graph.edges.row_begin[folded.targets[e]], e);
      EXPECT_GT(graph.edges.row_begin[folded.targets[e] + 1], e);
    }
  }
}

TEST(FoldTest, TheOutermostClosedSupernodeStandsForWhatIsInIt) {
  const AttributionGraph graph = TwelveNodeGraph();
  const SupernodeForest forest =
      Resolve(graph, {{"outer", {"inner", "E_2_0"}}, {"inner", {"0_3_0", "0_1_1"}}});
  EXPECT_THAT(Fold(graph, forest, {}, {}, {}).nodes, ElementsAre(2, 3, 4, 5, 6, 7, 9, 10, 11, 12));
  // Opened alone, the inner one stays hidden in the outer one.
  EXPECT_THAT(Fold(graph, forest, std::vector<uint8_t>{0, 1}, {}, {}).nodes,
              ElementsAre(2, 3, 4, 5, 6, 7, 9, 10, 11, 12));
  EXPECT_THAT(Fold(graph, forest, std::vector<uint8_t>{1, 0}, {}, {}).nodes,
              ElementsAre(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13));
}

TEST(FoldTest, ASupernodeOfWhichPruningKeepsNothingIsNotSeen) {
  const AttributionGraph graph = TwelveNodeGraph();
  std::vector<uint8_t> node_mask(12, 1);
  node_mask[0] = node_mask[1] = 0;
  const FoldedGraph folded =
      Fold(graph, Resolve(graph, {{"early", {"0_3_0", "0_1_1"}}, {"late", {"1_0_1", "1_5_1"}}}), {},
           node_mask, {});
  EXPECT_THAT(folded.nodes, ElementsAre(4, 5, 6, 7, 8, 9, 10, 11, 13));
  ASSERT_EQ(folded.insides.size(), 1u);
  EXPECT_EQ(folded.insides[0].supernode, 1);
}

// A random forest: each node and each supernode goes into one of the supernodes of higher index, or
// into none.
std::vector<Supernode> RandomSupernodes(const AttributionGraph& graph, std::mt19937_64* random) {
  std::vector<Supernode> supernodes;
  for (int i = 0; i < 6; ++i) supernodes.push_back({"group " + std::to_string(i), {}});
  for (int32_t node = 0; node < graph.n_nodes(); ++node) {
    const uint64_t group = (*random)() % 9;
    if (group < 6) supernodes[group].members.push_back(NodeId(graph, node));
  }
  for (uint64_t i = 0; i < 5; ++i) {
    const uint64_t group = i + 1 + (*random)() % 6;
    if (group < 6) supernodes[group].members.push_back(supernodes[i].name);
  }
  return supernodes;
}

class RandomFoldTest : public ::testing::TestWithParam<int> {};

// The definition: a dense matrix, and for every node the name of what it is seen as, found by
// following the lists of members.
TEST_P(RandomFoldTest, SumsAreThoseOfTheDenseMatrix) {
  std::mt19937_64 random(GetParam());
  const AttributionGraph graph = RandomGraph(GetParam(), 40);
  const auto pruning = PruneGraph(graph, {.node_threshold = 0.8, .edge_threshold = 0.9});
  ASSERT_TRUE(pruning.ok());
  const std::vector<Supernode> supernodes = RandomSupernodes(graph, &random);
  std::vector<uint8_t> opened;
  for (int i = 0; i < 6; ++i) opened.push_back(random() % 3 == 0);

  std::vector<int32_t> seen_as(graph.n_nodes());
  for (int32_t node = 0; node < graph.n_nodes(); ++node) {
    seen_as[node] = node;
    std::string name = NodeId(graph, node);
    for (int32_t i = 0; i < 6; ++i) {  // a holder has a higher index than what it holds
      if (std::count(supernodes[i].members.begin(), supernodes[i].members.end(), name) == 0) {
        continue;
      }
      name = supernodes[i].name;
      if (opened[i] == 0) seen_as[node] = graph.n_nodes() + i;
    }
  }
  std::map<std::pair<int32_t, int32_t>, double> sums;
  std::map<std::pair<int32_t, int32_t>, double> magnitudes;
  std::map<std::pair<int32_t, int32_t>, int32_t> counts;
  for (int32_t target = 0; target < graph.n_nodes(); ++target) {
    for (int64_t e = graph.edges.row_begin[target]; e < graph.edges.row_begin[target + 1]; ++e) {
      if (pruning->edge_mask[e] == 0) continue;
      const std::pair key(seen_as[target], seen_as[graph.edges.columns[e]]);
      sums[key] += graph.edges.weights[e];
      magnitudes[key] += std::abs(graph.edges.weights[e]);
      ++counts[key];
    }
  }

  const FoldedGraph folded =
      Fold(graph, Resolve(graph, supernodes), opened, pruning->node_mask, pruning->edge_mask);
  for (const FoldedGraph::Inside& inside : folded.insides) {
    const int32_t index = graph.n_nodes() + inside.supernode;
    EXPECT_NEAR(inside.weight, sums[std::pair(index, index)], 1e-5);
    EXPECT_NEAR(inside.magnitude, magnitudes[std::pair(index, index)], 1e-5);
    EXPECT_EQ(inside.n_edges, counts[std::pair(index, index)]);
  }
  std::erase_if(sums, [](const auto& edge) { return edge.first.first == edge.first.second; });
  ASSERT_EQ(folded.n_edges(), static_cast<int64_t>(sums.size()));
  int64_t e = 0;
  for (const auto& [key, sum] : sums) {
    ASSERT_EQ(std::pair(folded.targets[e], folded.sources[e]), key);
    EXPECT_NEAR(folded.weights[e], sum, 1e-5);
    EXPECT_NEAR(folded.magnitudes[e], magnitudes[key], 1e-5);
    EXPECT_EQ(folded.counts[e], counts[key]);
    ++e;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFoldTest, ::testing::Range(1, 9));

}  // namespace
}  // namespace cajal::graph
