#include "model/graph/merged_scores.h"

#include <gtest/gtest.h>

#include <vector>

#include "model/graph/influence.h"
#include "tests/graph/dense_reference.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

std::vector<uint8_t> Mask(const AttributionGraph& graph, std::vector<int32_t> nodes) {
  std::vector<uint8_t> mask(graph.n_nodes(), 0);
  for (int32_t node : nodes) mask[node] = 1;
  return mask;
}

// Only feature 3 stands for itself. Of logit 10's edges 2 (4) and 7 (1) become error 7 (5), beside
// 3
// (-2) and 9 (1): eighths of 0.6. Logit 11: 3 and 6 have half of 0.2 each. So 3 has 0.15 + 0.1, and
// passes 3/4 to error 5, which stands for feature 1, and 1/4 to token 9.
TEST(MergedScoresTest, AreThoseOfPaperAndPencil) {
  const AttributionGraph graph = TwelveNodeGraph();
  const GraphScores scores = MergedScores(graph, {}, Mask(graph, {3}), LogitWeights(graph));
  const double errors = 0.6 * 5 / 8 + 0.2 / 2 + 0.25 * 3 / 4;
  const double tokens = 0.6 / 8 + 0.25 / 4;
  EXPECT_NEAR(scores.replacement, tokens / (tokens + errors), 1e-7);
  EXPECT_NEAR(scores.completeness, 1 - errors / (errors + tokens + 0.25 + 0.8), 1e-7);
}

// 0 and 1 go into 2 with 1 each; with one of them negative, and both at one place, they cancel.
TEST(MergedScoresTest, WeightsOfOnePlaceAddWithTheirSigns) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.active_features[0].position = 1;  // beside feature 1
  graph.active_features[0].feature = 0;
  graph.edges = MakeEdges(12, {{2, 0, 1}, {2, 1, -1}, {2, 9, 3}, {10, 2, 1}});
  const GraphScores scores = MergedScores(graph, {}, Mask(graph, {2}), LogitWeights(graph));
  EXPECT_EQ(scores.replacement, 1);
}

TEST(MergedScoresTest, WithEveryFeatureSingleTheyAreTheScores) {
  const AttributionGraph graph = RandomGraph(5, 60);
  const std::vector<uint8_t> all(graph.n_nodes(), 1);
  const DenseReference reference(graph);
  const GraphScores scores = MergedScores(graph, {}, all, LogitWeights(graph));
  EXPECT_NEAR(scores.replacement, reference.Scores().replacement, 1e-12);
  EXPECT_NEAR(scores.completeness, reference.Scores().completeness, 1e-12);
}

// The same matrix with the columns added up by hand, through the dense reference.
TEST(MergedScoresTest, AreThoseOfTheGraphWhoseColumnsWereAdded) {
  const AttributionGraph graph = RandomGraph(6, 40);
  const std::vector<int32_t> pinned = {2, 11, 17, 30, 39};
  const std::vector<uint8_t> single = Mask(graph, pinned);
  std::vector<uint8_t> edge_mask(graph.edges.n_edges());
  for (size_t e = 0; e < edge_mask.size(); ++e) edge_mask[e] = e % 5 != 0;

  std::vector<std::vector<float>> dense(graph.n_nodes(), std::vector<float>(graph.n_nodes(), 0));
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      int32_t column = graph.edges.columns[e];
      if (edge_mask[e] == 0) continue;
      if (column < graph.n_selected() && single[column] == 0) {
        const FeatureNode& feature = graph.active_features[graph.selected_features[column]];
        column = graph.first_error() + feature.layer * graph.n_positions() + feature.position;
      }
      dense[row][column] += graph.edges.weights[e];
    }
  }
  AttributionGraph added = graph;
  std::vector<Edge> edges;
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    for (int32_t column = 0; column < graph.n_nodes(); ++column) {
      if (dense[row][column] != 0) edges.emplace_back(row, column, dense[row][column]);
    }
  }
  added.edges = MakeEdges(graph.n_nodes(), edges);

  const GraphScores expected = DenseReference(added).Scores();
  const GraphScores scores = MergedScores(graph, edge_mask, single, LogitWeights(graph));
  EXPECT_NEAR(scores.replacement, expected.replacement, 1e-6);
  EXPECT_NEAR(scores.completeness, expected.completeness, 1e-6);
}

TEST(MergedScoresTest, WithoutEdgesThereIsNothingToScore) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {});
  const GraphScores scores = MergedScores(graph, {}, Mask(graph, {}), LogitWeights(graph));
  EXPECT_EQ(scores.replacement, 0);
}

}  // namespace
}  // namespace cajal::graph
