#include "model/graph/graph_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "model/graph/node.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

// A graph with masks of its own.
struct Masked {
  AttributionGraph graph;
  std::vector<uint8_t> node_mask;
  std::vector<uint8_t> edge_mask;

  explicit Masked(AttributionGraph whole)
      : graph(std::move(whole)),
        node_mask(graph.n_nodes(), 1),
        edge_mask(graph.edges.n_edges(), 1) {}
  [[nodiscard]] PrunedGraph pruned() const { return {&graph, node_mask, edge_mask}; }
};

GraphComparison Compare(const Masked& base, const Masked& other, double tolerance = 0) {
  const auto comparison = CompareGraphs(base.pruned(), other.pruned(), tolerance);
  EXPECT_TRUE(comparison.ok()) << comparison.status();
  return *comparison;
}

int Count(const GraphComparison& comparison, Change change) {
  int count = 0;
  for (const ComparedNode& node : comparison.nodes) count += node.change == change;
  return count;
}

TEST(CompareGraphsTest, AGraphIsTheSameAsItself) {
  const Masked graph(RandomGraph(3, 20));
  const GraphComparison comparison = Compare(graph, graph);
  EXPECT_EQ(Count(comparison, Change::kSame), graph.graph.n_nodes());
  ASSERT_EQ(static_cast<int64_t>(comparison.edges.size()), graph.graph.edges.n_edges());
  for (const ComparedEdge& edge : comparison.edges) {
    EXPECT_EQ(edge.change, Change::kSame);
    EXPECT_EQ(edge.base_weight, edge.other_weight);
  }
}

// The other prompt has a word more before the picture's place; feature 1_5 is gone, 1_6 has come,
// 0_1 is more active.
TEST(CompareGraphsTest, NodesOfALongerPromptAreFoundWhereTheyHaveMoved) {
  Masked base(TwelveNodeGraph());
  AttributionGraph moved;
  moved.input_tokens = {2, 33, 70};
  moved.token_texts = {"<bos>", "very", "one"};
  moved.n_layers = 2;
  moved.active_features = {{0, 0, 3, 1.5f}, {0, 2, 1, 0.75f}, {1, 2, 0, 2.0f}, {1, 2, 6, 0.25f}};
  moved.selected_features = {0, 1, 2, 3};
  moved.logits = {{40, " two", 0.6f}, {42, " four", 0.2f}};
  // features 0-3, errors 4-9, tokens 10-12, logits 13 and 14
  moved.edges = MakeEdges(15, {{0, 10, 2}, {1, 12, -3}, {2, 0, 1}, {2, 1, 1.5f}, {13, 3, 1}});
  const Masked other(std::move(moved));
  const GraphComparison comparison = Compare(base, other);
  std::map<std::pair<int32_t, int32_t>, Change> nodes;
  for (const ComparedNode& node : comparison.nodes) nodes[{node.base, node.other}] = node.change;
  EXPECT_EQ(nodes.at({0, 0}), Change::kSame);
  EXPECT_EQ(nodes.at({1, 1}), Change::kChanged);
  EXPECT_EQ(nodes.at({2, 2}), Change::kSame);
  EXPECT_EQ(nodes.at({3, -1}), Change::kLost);
  EXPECT_EQ(nodes.at({-1, 3}), Change::kGained);
  EXPECT_EQ(nodes.at({5, 6}), Change::kSame);      // errors of layer 0 at the last position
  EXPECT_EQ(nodes.at({9, 12}), Change::kSame);     // "one"
  EXPECT_EQ(nodes.at({-1, 11}), Change::kGained);  // "very"
  EXPECT_EQ(nodes.at({10, 13}), Change::kSame);
  EXPECT_EQ(nodes.at({11, -1}), Change::kLost);
  EXPECT_EQ(nodes.at({-1, 14}), Change::kGained);
  std::map<std::tuple<int32_t, int32_t>, ComparedEdge> edges;  // by the base's indices
  for (const ComparedEdge& edge : comparison.edges) {
    edges[{comparison.nodes[edge.target].base, comparison.nodes[edge.source].base}] = edge;
  }
  EXPECT_EQ(edges.at({0, 8}).change, Change::kSame);
  EXPECT_EQ(edges.at({2, 1}).change, Change::kChanged);
  EXPECT_EQ(edges.at({2, 1}).base_weight, 1);
  EXPECT_EQ(edges.at({2, 1}).other_weight, 1.5f);
  EXPECT_EQ(edges.at({1, 8}).change, Change::kLost);
  EXPECT_EQ(edges.at({10, -1}).change, Change::kGained);
}

TEST(CompareGraphsTest, AnotherTokenAtTheSamePlaceIsAChange) {
  const Masked base(TwelveNodeGraph());
  Masked other(TwelveNodeGraph());
  other.graph.input_tokens[1] = 71;
  const GraphComparison comparison = Compare(base, other);
  EXPECT_EQ(comparison.nodes[9].change, Change::kChanged);
  EXPECT_EQ(comparison.nodes[9].other, 9);
  EXPECT_EQ(Count(comparison, Change::kChanged), 1);
}

TEST(CompareGraphsTest, DifferencesWithinTheToleranceAreNone) {
  const Masked base(TwelveNodeGraph());
  Masked other(TwelveNodeGraph());
  other.graph.active_features[0].activation = 1.515f;
  other.graph.edges.weights[0] = 2.02f;
  EXPECT_EQ(Compare(base, other, 0.005).nodes[0].change, Change::kChanged);
  EXPECT_EQ(Compare(base, other, 0.005).edges[0].change, Change::kChanged);
  EXPECT_EQ(Compare(base, other, 0.02).nodes[0].change, Change::kSame);
  EXPECT_EQ(Compare(base, other, 0.02).edges[0].change, Change::kSame);
}

class RandomComparisonTest : public ::testing::TestWithParam<int> {};

// The definition, for one prompt: nodes are the same if their ids are, edges if their ends are.
TEST_P(RandomComparisonTest, IsTheDifferenceOfTheSetsOfIds) {
  std::mt19937_64 random(GetParam());
  // Of other sizes, so that they have some features in common and some not.
  Masked graphs[] = {Masked(RandomGraph(GetParam(), 24)), Masked(RandomGraph(GetParam() + 50, 20))};
  std::map<std::string, std::pair<bool, float>> nodes[2];                          // kept, value
  std::map<std::pair<std::string, std::string>, std::pair<bool, float>> edges[2];  // kept, weight
  for (int g = 0; g < 2; ++g) {
    Masked& masked = graphs[g];
    for (uint8_t& keep : masked.node_mask) keep = random() % 4 != 0;
    for (int32_t node = 0; node < masked.graph.n_nodes(); ++node) {
      const bool is_feature = node < masked.graph.n_selected();
      const bool is_logit = node >= masked.graph.first_logit();
      float value = 0;
      if (is_feature) {
        value = masked.graph.active_features[masked.graph.selected_features[node]].activation;
      }
      if (is_logit) value = masked.graph.logits[node - masked.graph.first_logit()].probability;
      nodes[g][NodeId(masked.graph, node)] = {masked.node_mask[node] != 0, value};
      for (int64_t e = masked.graph.edges.row_begin[node];
           e < masked.graph.edges.row_begin[node + 1]; ++e) {
        const int32_t source = masked.graph.edges.columns[e];
        masked.edge_mask[e] =
            masked.node_mask[node] != 0 && masked.node_mask[source] != 0 && random() % 3 != 0;
        edges[g][{NodeId(masked.graph, node), NodeId(masked.graph, source)}] = {
            masked.edge_mask[e] != 0, masked.graph.edges.weights[e]};
      }
    }
  }
  const GraphComparison comparison = Compare(graphs[0], graphs[1]);

  const auto expected = [](const auto& maps, const auto& key) {
    const auto a = maps[0].find(key);
    const auto b = maps[1].find(key);
    const bool kept_a = a != maps[0].end() && a->second.first;
    const bool kept_b = b != maps[1].end() && b->second.first;
    if (kept_a && kept_b) {
      return a->second.second == b->second.second ? Change::kSame : Change::kChanged;
    }
    return kept_a ? Change::kLost : Change::kGained;
  };
  std::vector<std::string> ids;
  std::set<std::string> seen;
  for (const ComparedNode& node : comparison.nodes) {
    ids.push_back(node.base >= 0 ? NodeId(graphs[0].graph, node.base)
                                 : NodeId(graphs[1].graph, node.other));
    EXPECT_EQ(node.change, expected(nodes, ids.back())) << ids.back();
    EXPECT_EQ(node.base >= 0, nodes[0].count(ids.back()) == 1) << ids.back();
    EXPECT_EQ(node.other >= 0, nodes[1].count(ids.back()) == 1) << ids.back();
    EXPECT_TRUE(seen.insert(ids.back()).second) << ids.back() << " stands twice";
  }
  size_t n_kept = 0;
  for (const auto& [id, node] : nodes[0]) n_kept += node.first;
  for (const auto& [id, node] : nodes[1]) {
    const auto same = nodes[0].find(id);
    n_kept += node.first && !(same != nodes[0].end() && same->second.first);
  }
  EXPECT_EQ(seen.size(), n_kept);

  std::set<std::pair<std::string, std::string>> seen_edges;
  for (const ComparedEdge& edge : comparison.edges) {
    const std::pair key(ids[edge.target], ids[edge.source]);
    EXPECT_EQ(edge.change, expected(edges, key));
    EXPECT_EQ(edge.base_weight, edges[0].count(key) == 1 ? edges[0][key].second : 0);
    EXPECT_EQ(edge.other_weight, edges[1].count(key) == 1 ? edges[1][key].second : 0);
    EXPECT_TRUE(seen_edges.insert(key).second);
  }
  size_t n_kept_edges = 0;
  for (const auto& [key, edge] : edges[0]) n_kept_edges += edge.first;
  for (const auto& [key, edge] : edges[1]) {
    n_kept_edges += edge.first && !(edges[0].count(key) == 1 && edges[0][key].first);
  }
  EXPECT_EQ(seen_edges.size(), n_kept_edges);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomComparisonTest, ::testing::Range(1, 7));

TEST(CompareGraphsTest, WhatCannotBeComparedIsRefusedAndTheNextCallIsAnswered) {
  const Masked base(TwelveNodeGraph());
  const Masked deeper(RandomGraph(1, 10));
  EXPECT_EQ(FieldOf(CompareGraphs(base.pruned(), deeper.pruned(), 0).status()), "other");
  for (const double tolerance : {-0.1, 1.1, std::nan("")}) {
    EXPECT_EQ(FieldOf(CompareGraphs(base.pruned(), base.pruned(), tolerance).status()),
              "tolerance");
  }
  EXPECT_TRUE(CompareGraphs(base.pruned(), base.pruned(), 1).ok());
}

}  // namespace
}  // namespace cajal::graph
