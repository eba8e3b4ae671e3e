#include "model/graph/influence.h"

#include <algorithm>
#include <cmath>

#include "model/graph/graph_check.h"

namespace cajal::graph {
namespace {

// `presence(e)`: 1 if the edge is there, else 0. A factor and no branch: which edges of a large
// graph are there is as good as random to the processor.
template <typename Presence>
Influence Propagate(const EdgeMatrix& edges, std::span<const double> logit_weights,
                    const Presence& presence) {
  const int32_t n_nodes = static_cast<int32_t>(logit_weights.size());
  Influence result{std::vector<double>(n_nodes, 0.0), std::vector<double>(n_nodes, 0.0)};
  // Features ascend by layer and logits come last, so descending rows are in topological order;
  // errors and tokens have no row of their own.
  for (int32_t row = n_nodes - 1; row >= 0; --row) {
    const double outflow = result.nodes[row] + logit_weights[row];
    if (outflow == 0) continue;
    double row_sum = 0;
    for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
      row_sum += std::abs(edges.weights[e]) * presence(e);
    }
    const double factor = outflow / std::max(row_sum, kMinRowSum);
    result.row_factor[row] = factor;
    for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
      result.nodes[edges.columns[e]] += std::abs(edges.weights[e]) * presence(e) * factor;
    }
  }
  return result;
}

}  // namespace

std::vector<double> LogitWeights(const AttributionGraph& graph) {
  std::vector<double> weights(graph.n_nodes(), 0.0);
  for (int32_t i = 0; i < graph.n_logits(); ++i) {
    weights[graph.first_logit() + i] = graph.logits[i].weight();
  }
  return weights;
}

absl::StatusOr<Influence> ComputeInfluence(const AttributionGraph& graph) {
  RETURN_IF_ERROR(CheckLayerOrder(graph));
  return ComputeInfluence(graph.edges, LogitWeights(graph));
}

Influence ComputeInfluence(const EdgeMatrix& edges, std::span<const double> logit_weights,
                           std::span<const uint8_t> edge_mask) {
  if (edge_mask.empty()) return Propagate(edges, logit_weights, [](int64_t) { return 1.0; });
  return Propagate(edges, logit_weights,
                   [edge_mask](int64_t e) { return static_cast<double>(edge_mask[e]); });
}

}  // namespace cajal::graph
