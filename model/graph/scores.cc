#include "model/graph/scores.h"

#include <numeric>

#include "model/graph/influence.h"

namespace cajal::graph {

GraphScores ComputeScores(const AttributionGraph& graph, std::span<const double> node_influence,
                          std::span<const double> logit_weights) {
  const auto sum = [&](int32_t begin, int32_t end) {
    return std::accumulate(node_influence.begin() + begin, node_influence.begin() + end, 0.0);
  };
  const double errors = sum(graph.first_error(), graph.first_token());
  const double tokens = sum(graph.first_token(), graph.first_logit());
  // What all rows pass on, which is influence plus logit weight. Σ_i (1 - Σ_{j in errors} W_ij)
  // out_i is Σ_i out_i less the errors' influence, because influence_j = Σ_i out_i W_ij.
  const double outflow =
      std::accumulate(logit_weights.begin(), logit_weights.end(), sum(0, graph.n_nodes()));

  GraphScores scores;
  if (tokens + errors > 0) scores.replacement = tokens / (tokens + errors);
  if (outflow > 0) scores.completeness = 1 - errors / outflow;
  return scores;
}

absl::StatusOr<GraphScores> ComputeScores(const AttributionGraph& graph) {
  ASSIGN_OR_RETURN(const Influence influence, ComputeInfluence(graph));
  return ComputeScores(graph, influence.nodes, LogitWeights(graph));
}

}  // namespace cajal::graph
