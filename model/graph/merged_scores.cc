#include "model/graph/merged_scores.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/graph/influence.h"

namespace cajal::graph {
namespace {

// Which column a node's edges count for: a feature that does not stand for itself gives its place
// to the error node there. [n_nodes].
std::vector<int32_t> MergedColumns(const AttributionGraph& graph, std::span<const uint8_t> single) {
  std::vector<int32_t> columns(graph.n_nodes());
  for (int32_t node = 0; node < graph.n_nodes(); ++node) columns[node] = node;
  for (int32_t node = 0; node < graph.n_selected(); ++node) {
    if (single[node] != 0) continue;
    const FeatureNode& feature = graph.active_features[graph.selected_features[node]];
    columns[node] = graph.first_error() + feature.layer * graph.n_positions() + feature.position;
  }
  return columns;
}

}  // namespace

GraphScores MergedScores(const AttributionGraph& graph, std::span<const uint8_t> edge_mask,
                         std::span<const uint8_t> single, std::span<const double> logit_weights) {
  const EdgeMatrix& edges = graph.edges;
  const std::vector<int32_t> columns = MergedColumns(graph, single);
  std::vector<double> influence(graph.n_nodes(), 0.0);
  std::vector<double> merged(graph.n_nodes(), 0.0);  // the row at hand, as a dense one
  // As in ComputeInfluence; a feature that was merged away has no inflow, so its row is passed
  // over.
  for (int32_t row = graph.n_nodes() - 1; row >= 0; --row) {
    const double outflow = influence[row] + logit_weights[row];
    if (outflow == 0) continue;
    std::fill(merged.begin(), merged.end(), 0.0);
    for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
      if (edge_mask.empty() || edge_mask[e] != 0) {
        merged[columns[edges.columns[e]]] += edges.weights[e];
      }
    }
    double row_sum = 0;
    for (const double weight : merged) row_sum += std::abs(weight);
    const double factor = outflow / std::max(row_sum, kMinRowSum);
    for (int32_t node = 0; node < graph.first_logit(); ++node) {
      influence[node] += std::abs(merged[node]) * factor;
    }
  }
  return ComputeScores(graph, influence, logit_weights);
}

}  // namespace cajal::graph
