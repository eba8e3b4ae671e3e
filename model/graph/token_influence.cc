#include "model/graph/token_influence.h"

#include <algorithm>

#include "model/graph/influence.h"

namespace cajal::graph {

absl::StatusOr<std::vector<double>> InfluenceOnTokens(const AttributionGraph& graph,
                                                      std::span<const int32_t> nodes) {
  ASSIGN_OR_RETURN(const Influence on_answer, ComputeInfluence(graph));
  const std::vector<double> logits = LogitWeights(graph);
  std::vector<double> start(static_cast<size_t>(graph.n_nodes()), 0.0);
  double sum = 0;
  for (const int32_t node : nodes) {
    const auto i = static_cast<size_t>(node);
    start[i] = node >= graph.first_logit() ? logits[i] : on_answer.nodes[i];
    sum += start[i];
  }
  if (sum == 0) {
    for (const int32_t node : nodes) start[static_cast<size_t>(node)] = 1;
  }
  const Influence from_nodes = ComputeInfluence(graph.edges, start);
  std::vector<double> tokens(static_cast<size_t>(graph.n_positions()));
  for (size_t t = 0; t < tokens.size(); ++t) {
    const size_t node = static_cast<size_t>(graph.first_token()) + t;
    tokens[t] = from_nodes.nodes[node] + start[node];
  }
  return tokens;
}

}  // namespace cajal::graph
