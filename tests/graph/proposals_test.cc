#include "model/graph/proposals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/graph/node.h"
#include "model/graph/pruning.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two pictures of two tokens each, the second one in two crops, and features that come again.
AttributionGraph PicturesGraph() {
  AttributionGraph graph;
  graph.input_tokens = {2, 9, 9, 9, 9, 5};
  graph.token_texts.resize(6);
  graph.image_runs = {{.image = 0, .crop = -1, .begin = 1, .end = 3},
                      {.image = 1, .crop = -1, .begin = 3, .end = 4},
                      {.image = 1, .crop = 0, .begin = 4, .end = 5}};
  graph.n_layers = 2;
  graph.active_features = {{0, 1, 7, 1}, {0, 2, 7, 1}, {0, 3, 7, 1}, {0, 4, 7, 1}, {0, 4, 8, 1},
                           {0, 5, 7, 1}, {1, 1, 7, 1}, {1, 2, 6, 1}, {1, 2, 7, 1}};
  graph.selected_features = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  graph.logits = {{40, " two", 0.6f}};
  graph.edges = MakeEdges(graph.n_nodes(), {});
  graph.bias.assign(graph.n_nodes(), 0);
  graph.pre_activations.assign(graph.n_nodes(), 0);
  return graph;
}

TEST(ProposeImagePositionsTest, AFeatureAtSeveralPositionsOfAPictureIsOneSupernode) {
  EXPECT_THAT(ProposeImagePositions(PicturesGraph(), {}, {}),
              ElementsAre(Supernode{"feature 7 of layer 0 in image 0", {"0_7_1", "0_7_2"}},
                          Supernode{"feature 7 of layer 0 in image 1", {"0_7_3", "0_7_4"}},
                          Supernode{"feature 7 of layer 1 in image 0", {"1_7_1", "1_7_2"}}));
}

TEST(ProposeImagePositionsTest, WhatIsInASupernodeOrPrunedIsPassedOver) {
  const AttributionGraph graph = PicturesGraph();
  const auto forest = ResolveSupernodes(
      graph,
      std::vector<Supernode>{{"mine", {"0_7_1"}}, {"feature 7 of layer 1 in image 0", {"0_7_5"}}});
  ASSERT_TRUE(forest.ok());
  std::vector<uint8_t> node_mask(graph.n_nodes(), 1);
  node_mask[3] = 0;  // 0_7_4
  EXPECT_THAT(ProposeImagePositions(graph, *forest, node_mask),
              ElementsAre(Supernode{"feature 7 of layer 1 in image 0 (2)", {"1_7_1", "1_7_2"}}));
}

// Four features of layer 0 and two of layer 1. 0 and 1 have the same sources and the same targets
// in other measures; 2 has the same targets but other sources; 3 speaks against where 0 speaks for.
AttributionGraph FamiliesGraph() {
  AttributionGraph graph;
  graph.input_tokens = {2, 5, 6};
  graph.token_texts.resize(3);
  graph.n_layers = 2;
  graph.active_features = {{0, 2, 10, 1}, {0, 2, 11, 1}, {0, 2, 12, 1},
                           {0, 2, 13, 1}, {1, 2, 20, 1}, {1, 2, 21, 1}};
  graph.selected_features = {0, 1, 2, 3, 4, 5};
  graph.logits = {{40, " two", 0.6f}};
  const int32_t token = graph.first_token();
  const int32_t logit = graph.first_logit();
  graph.edges = MakeEdges(graph.n_nodes(), {{0, token + 1, 1},
                                            {0, token + 2, 2},
                                            {1, token + 1, 3},
                                            {1, token + 2, 6},
                                            {2, token, 1},
                                            {3, token + 1, 1},
                                            {3, token + 2, 2},
                                            {4, 0, 1},
                                            {4, 1, 1},
                                            {4, 2, 1},
                                            {4, 3, -1},
                                            {5, token, 1},
                                            {logit, 4, 1},
                                            {logit, 5, 1}});
  graph.bias.assign(graph.n_nodes(), 0);
  graph.pre_activations.assign(graph.n_nodes(), 0);
  return graph;
}

TEST(ProposeSimilarTest, FeaturesWithTheSameEdgesAreDrawnTogether) {
  const AttributionGraph graph = FamiliesGraph();
  const FoldedGraph folded = Fold(graph, {}, {}, {}, {});
  // 0 and 1 agree in both halves. 2 agrees with them in the outputs alone: 0.5; 3 in the inputs
  // alone, with opposite outputs: 0. 5 has 2's inputs, 4's outputs: 0.5 with each.
  const auto close = ProposeSimilar(graph, {}, folded, 0.9);
  ASSERT_TRUE(close.ok()) << close.status();
  EXPECT_THAT(*close, ElementsAre(Supernode{"like 0_10_2", {"0_10_2", "0_11_2"}}));
  const auto loose = ProposeSimilar(graph, {}, folded, 0.5);
  ASSERT_TRUE(loose.ok());
  EXPECT_THAT(*loose, ElementsAre(Supernode{"like 0_10_2", {"0_10_2", "0_11_2", "0_12_2"}},
                                  Supernode{"like 1_20_2", {"1_20_2", "1_21_2"}}));
}

TEST(ProposeSimilarTest, SupernodesOfFeaturesAreComparedAsOne) {
  const AttributionGraph graph = FamiliesGraph();
  // Together 1 and 2 have all of their outputs in common with 0, and most of 1's inputs.
  const auto forest = ResolveSupernodes(
      graph,
      std::vector<Supernode>{{"both", {"0_11_2", "0_12_2"}}, {"inputs", {"E_2_0", "E_5_1"}}});
  ASSERT_TRUE(forest.ok());
  const auto proposals = ProposeSimilar(graph, *forest, Fold(graph, *forest, {}, {}, {}), 0.85);
  ASSERT_TRUE(proposals.ok());
  EXPECT_THAT(*proposals, ElementsAre(Supernode{"like 0_10_2", {"0_10_2", "both"}}));
}

double Cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double product = 0;
  double norm_a = 0;
  double norm_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    product += a[i] * b[i];
    norm_a += a[i] * a[i];
    norm_b += b[i] * b[i];
  }
  return norm_a == 0 || norm_b == 0 ? 0 : product / std::sqrt(norm_a * norm_b);
}

// The definition: dense vectors, and at each step a look at all pairs of groups and all pairs of
// their members.
std::vector<std::vector<int32_t>> GroupsByDefinition(const AttributionGraph& graph,
                                                     const std::vector<uint8_t>& edge_mask,
                                                     double min_similarity) {
  const int32_t n = graph.n_nodes();
  std::vector<std::vector<double>> in(n, std::vector<double>(n, 0.0));
  std::vector<std::vector<double>> out(n, std::vector<double>(n, 0.0));
  for (int32_t t = 0; t < n; ++t) {
    double inflow = 0;
    for (int64_t e = graph.edges.row_begin[t]; e < graph.edges.row_begin[t + 1]; ++e) {
      if (edge_mask[e] != 0) inflow += std::abs(graph.edges.weights[e]);
    }
    for (int64_t e = graph.edges.row_begin[t]; e < graph.edges.row_begin[t + 1]; ++e) {
      if (edge_mask[e] == 0) continue;
      in[t][graph.edges.columns[e]] = graph.edges.weights[e];
      out[graph.edges.columns[e]][t] = graph.edges.weights[e] / inflow;
    }
  }
  std::vector<std::vector<int32_t>> groups;
  for (int32_t i = 0; i < graph.n_selected(); ++i) groups.push_back({i});
  while (true) {
    double best = -std::numeric_limits<double>::infinity();
    std::pair<size_t, size_t> pair;
    for (size_t a = 0; a < groups.size(); ++a) {
      for (size_t b = a + 1; b < groups.size(); ++b) {
        double least = std::numeric_limits<double>::infinity();
        for (const int32_t i : groups[a]) {
          for (const int32_t j : groups[b]) {
            least = std::min(least, (Cosine(in[i], in[j]) + Cosine(out[i], out[j])) / 2);
          }
        }
        if (least > best) {
          best = least;
          pair = {a, b};
        }
      }
    }
    if (best < min_similarity) break;
    groups[pair.first].insert(groups[pair.first].end(), groups[pair.second].begin(),
                              groups[pair.second].end());
    groups.erase(groups.begin() + static_cast<int64_t>(pair.second));
  }
  for (std::vector<int32_t>& group : groups) std::sort(group.begin(), group.end());
  std::erase_if(groups, [](const auto& group) { return group.size() < 2; });
  std::sort(groups.begin(), groups.end());
  return groups;
}

class RandomSimilarTest : public ::testing::TestWithParam<int> {};

TEST_P(RandomSimilarTest, GroupsAreThoseOfCompleteLinkage) {
  const AttributionGraph graph = RandomGraph(GetParam(), 30);
  const auto pruning = PruneGraph(graph, {.node_threshold = 1, .edge_threshold = 0.95});
  ASSERT_TRUE(pruning.ok());
  const FoldedGraph folded = Fold(graph, {}, {}, {}, pruning->edge_mask);
  size_t n_groups = 0;
  for (const double min_similarity : {0.05, 0.2, 0.4}) {
    const auto proposals = ProposeSimilar(graph, {}, folded, min_similarity);
    ASSERT_TRUE(proposals.ok());
    const auto expected = GroupsByDefinition(graph, pruning->edge_mask, min_similarity);
    ASSERT_EQ(proposals->size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      std::vector<std::string> ids;
      for (const int32_t node : expected[i]) ids.push_back(NodeId(graph, node));
      EXPECT_EQ((*proposals)[i].members, ids);
    }
    n_groups += expected.size();
  }
  EXPECT_GT(n_groups, 5u);  // random vectors are alike often enough to test something
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomSimilarTest, ::testing::Range(1, 5));

TEST(ProposeSimilarTest, ASimilarityOutOfRangeIsRefusedAndTheNextCallIsAnswered) {
  const AttributionGraph graph = FamiliesGraph();
  const FoldedGraph folded = Fold(graph, {}, {}, {}, {});
  for (const double similarity : {-0.1, 1.1, std::nan("")}) {
    const auto proposals = ProposeSimilar(graph, {}, folded, similarity);
    EXPECT_EQ(FieldOf(proposals.status()), "min_similarity");
  }
  EXPECT_TRUE(ProposeSimilar(graph, {}, folded, 1).ok());
}

TEST(ProposeSimilarTest, TooManyFeaturesAreRefusedWithWhatToDo) {
  AttributionGraph graph;
  graph.n_layers = 1;
  graph.input_tokens = {2};
  graph.token_texts.resize(1);
  for (int32_t i = 0; i <= kMaxComparedNodes; ++i) {
    graph.active_features.push_back({0, 0, i, 1});
    graph.selected_features.push_back(i);
  }
  graph.logits = {{40, " two", 0.6f}};
  graph.edges = MakeEdges(graph.n_nodes(), {});
  const auto refused = ProposeSimilar(graph, {}, Fold(graph, {}, {}, {}, {}), 0.5);
  EXPECT_EQ(FieldOf(refused.status()), "proposals");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("not 4001; prune more"));
  std::vector<uint8_t> one_less(graph.n_nodes(), 1);
  one_less[0] = 0;
  const auto proposals = ProposeSimilar(graph, {}, Fold(graph, {}, {}, one_less, {}), 0.5);
  ASSERT_TRUE(proposals.ok()) << proposals.status();
  EXPECT_THAT(*proposals, IsEmpty());  // without edges nothing is alike
}

}  // namespace
}  // namespace cajal::graph
