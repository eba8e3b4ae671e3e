// Path statistics, against a walk over every single path.
#include "model/graph/path_statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "model/graph/influence.h"
#include "model/graph/node.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

// Enumerates all paths and adds up what they are.
class EveryPath {
 public:
  EveryPath(const AttributionGraph& graph, const std::vector<uint8_t>& edge_mask)
      : graph_(graph), edge_mask_(edge_mask) {
    double total = 0;
    for (int32_t node = graph.first_logit(); node < graph.n_nodes(); ++node) {
      if (Inflow(node) > 0) total += graph.logits[node - graph.first_logit()].weight();
    }
    for (int32_t node = graph.first_logit(); node < graph.n_nodes(); ++node) {
      const double weight = graph.logits[node - graph.first_logit()].weight();
      if (Inflow(node) > 0) Follow(node, weight / total, 0, 0);
    }
  }
  PathStatistics statistics;
  int n_paths = 0;

 private:
  [[nodiscard]] bool Has(int64_t e) const { return edge_mask_.empty() || edge_mask_[e] != 0; }
  [[nodiscard]] double Inflow(int32_t node) const {
    double sum = 0;
    for (int64_t e = graph_.edges.row_begin[node]; e < graph_.edges.row_begin[node + 1]; ++e) {
      if (Has(e)) sum += std::abs(graph_.edges.weights[e]);
    }
    return sum;
  }
  void Follow(int32_t node, double probability, int depth, int distance) {
    const double inflow = Inflow(node);
    const NodeAddress at = AddressOf(graph_, node);
    if (inflow == 0) {
      ++n_paths;
      statistics.mean_depth += probability * depth;
      statistics.mean_layer_span += probability * (graph_.n_layers - at.layer);
      statistics.mean_token_distance += probability * distance;
      statistics.contribution_entropy -= probability * std::log(probability);
      statistics.top_path_share = std::max(statistics.top_path_share, probability);
      return;
    }
    for (int64_t e = graph_.edges.row_begin[node]; e < graph_.edges.row_begin[node + 1]; ++e) {
      if (!Has(e) || graph_.edges.weights[e] == 0) continue;
      const int32_t source = graph_.edges.columns[e];
      Follow(source, probability * std::abs(graph_.edges.weights[e]) / inflow, depth + 1,
             distance + std::abs(at.position - AddressOf(graph_, source).position));
    }
  }

  const AttributionGraph& graph_;
  const std::vector<uint8_t>& edge_mask_;
};

void ExpectNear(const PathStatistics& a, const PathStatistics& b) {
  EXPECT_NEAR(a.mean_depth, b.mean_depth, 1e-9);
  EXPECT_NEAR(a.mean_layer_span, b.mean_layer_span, 1e-9);
  EXPECT_NEAR(a.mean_token_distance, b.mean_token_distance, 1e-9);
  EXPECT_NEAR(a.contribution_entropy, b.contribution_entropy, 1e-9);
  EXPECT_NEAR(a.top_path_share, b.top_path_share, 1e-12);
}

// 10 of weight 0.6 alone: to 2 by 3/4, to 9 by 1/4. 2 to token 9 and error 5 by a half each.
TEST(PathStatisticsTest, AreThoseOfPaperAndPencil) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {{2, 5, 2}, {2, 9, -2}, {10, 2, -3}, {10, 8, 1}});
  const PathStatistics statistics = ComputePathStatistics(graph, {}, LogitWeights(graph));
  EXPECT_NEAR(statistics.mean_depth, 2 * 0.75 + 0.25, 1e-12);
  EXPECT_NEAR(statistics.mean_layer_span, 0.375 * 2 + 0.375 * 3 + 0.25 * 3, 1e-12);
  EXPECT_NEAR(statistics.mean_token_distance, 0.25, 1e-12);  // only token 8 lies elsewhere
  EXPECT_NEAR(statistics.contribution_entropy, -2 * 0.375 * std::log(0.375) - 0.25 * std::log(0.25),
              1e-12);
  EXPECT_NEAR(statistics.top_path_share, 0.375, 1e-12);
}

TEST(PathStatisticsTest, AreThoseOfAllPathsTogether) {
  for (uint64_t seed : {1, 2}) {
    const AttributionGraph graph = RandomGraph(seed, 24);
    const EveryPath every(graph, {});
    EXPECT_GT(every.n_paths, 1000);
    ExpectNear(ComputePathStatistics(graph, {}, LogitWeights(graph)), every.statistics);
  }
}

TEST(PathStatisticsTest, AMaskLeavesPathsOutAndSharesAreTakenAnew) {
  const AttributionGraph graph = RandomGraph(3, 24);
  std::vector<uint8_t> mask(graph.edges.n_edges());
  for (size_t e = 0; e < mask.size(); ++e) mask[e] = e % 3 == 0;
  const EveryPath every(graph, mask);
  ExpectNear(ComputePathStatistics(graph, mask, LogitWeights(graph)), every.statistics);
}

TEST(PathStatisticsTest, WithoutEdgesAllAreZero) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {});
  ExpectNear(ComputePathStatistics(graph, {}, LogitWeights(graph)), {});
}

}  // namespace
}  // namespace cajal::graph
