#include "model/graph/total_effects.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "tests/graph/test_graphs.h"
#include "tests/support/status_matchers.h"

namespace cajal::graph {
namespace {

using testing::HasReason;
using testing::IsOk;

// Features have the activations 1.5, 0.5, 2 and 0.25.
TEST(TotalEffects, AreWhatPaperAndPencilGive) {
  const auto totals = TotalEffects(TwelveNodeGraph(), std::vector<int32_t>{8, 1, 5});
  ASSERT_THAT(totals, IsOk());
  const std::vector<float> expected = {
      // Token 8: 2 into feature 0 and 1 into feature 1. Feature 2 has 2/1.5 and 1/0.5 of its edges
      // from them; logit 10 has 4 * (10/3) / 2 + -2 * -6 / 0.25.
      2, 1, 10.0F / 3, -6, 20.0F / 3 + 48, -24,
      // Feature 1: its own activation; 4 * 1 / 2 + -2 * -3 / 0.25 for logit 10.
      0, 0.5F, 1, -3, 26, -12,
      // The error of layer 0 at position 1.
      0, 0, 2, 0, 4, 0};
  ASSERT_EQ(totals->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR((*totals)[i], expected[i], 1e-5) << i;
}

// The sum over all walks from `node` back to `source` that do not pass `source` before their end.
double OverAllPaths(const AttributionGraph& graph, int32_t node, int32_t source) {
  double sum = 0;
  for (int64_t e = graph.edges.row_begin[node]; e < graph.edges.row_begin[node + 1]; ++e) {
    const int32_t column = graph.edges.columns[e];
    if (column == source) {
      sum += graph.edges.weights[e];
    } else if (column < graph.n_selected()) {
      const float activation = graph.active_features[graph.selected_features[column]].activation;
      sum += graph.edges.weights[e] / activation * OverAllPaths(graph, column, source);
    }
  }
  return sum;
}

TEST(TotalEffects, AreTheSumOverAllPathsOneByOne) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    AttributionGraph graph = RandomGraph(seed, 24);
    for (FeatureNode& node : graph.active_features) node.activation += 2;  // far from 0
    // Of all kinds, and more than share one pass.
    std::vector<int32_t> sources(static_cast<size_t>(graph.first_logit()));
    std::iota(sources.begin(), sources.end(), 0);
    const auto totals = TotalEffects(graph, sources);
    ASSERT_THAT(totals, IsOk());
    const int32_t n_rows = graph.n_selected() + graph.n_logits();
    for (size_t i = 0; i < sources.size(); ++i) {
      for (int32_t row = 0; row < n_rows; ++row) {
        const int32_t node =
            row < graph.n_selected() ? row : graph.first_logit() + row - graph.n_selected();
        const double expected =
            node == sources[i] ? graph.active_features[graph.selected_features[node]].activation
                               : OverAllPaths(graph, node, sources[i]);
        EXPECT_NEAR((*totals)[i * static_cast<size_t>(n_rows) + static_cast<size_t>(row)], expected,
                    1e-5 * std::max(1.0, std::abs(expected)));
      }
    }
  }
}

TEST(TotalEffects, AFeatureOfUnknownActivationPassesNothingOn) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.active_features[1].activation = 0;
  const auto totals = TotalEffects(graph, std::vector<int32_t>{9});
  ASSERT_THAT(totals, IsOk());
  // Of token 9 only what does not go through feature 1: 1 into feature 3 and into logit 10.
  EXPECT_EQ((*totals)[1], -3);
  EXPECT_EQ((*totals)[2], 0);
  EXPECT_NEAR((*totals)[4], 1 + -2 * 1 / 0.25, 1e-5);
}

TEST(TotalEffects, RefuseAGraphThatGoesInCircles) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {{2, 3, 1}});
  EXPECT_THAT(TotalEffects(graph, std::vector<int32_t>{8}), HasReason("NOT_LAYER_ORDERED"));
  EXPECT_THAT(TotalEffects(TwelveNodeGraph(), std::vector<int32_t>{8}), IsOk());
}

}  // namespace
}  // namespace cajal::graph
