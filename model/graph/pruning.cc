#include "model/graph/pruning.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>

#include "model/graph/influence.h"
#include "model/graph/score_threshold.h"

namespace cajal::graph {
namespace {

absl::Status CheckThreshold(const std::string& field, double value) {
  if (value >= 0 && value <= 1) return absl::OkStatus();  // false for NaN
  return InvalidField(field, "must be in [0, 1], got " + std::to_string(value));
}

std::vector<float> CumulativeInfluence(std::span<const double> influence) {
  std::vector<int32_t> order(influence.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return influence[a] > influence[b]; });
  const double total = std::accumulate(influence.begin(), influence.end(), 0.0);
  std::vector<float> result(influence.size(), 0.0f);
  if (total == 0) return result;
  double sum = 0;
  for (int32_t node : order) {
    sum += influence[node];
    result[node] = static_cast<float>(sum / total);
  }
  return result;
}

std::vector<uint8_t> InfluentialNodes(const AttributionGraph& graph,
                                      const std::vector<double>& influence, double fraction) {
  const double threshold = ScoreThreshold(influence, fraction);
  std::vector<uint8_t> mask(influence.size());
  for (size_t i = 0; i < influence.size(); ++i) {
    mask[i] = influence[i] > 0 && influence[i] >= threshold;
  }
  std::fill(mask.begin() + graph.first_token(), mask.end(), uint8_t{1});
  return mask;
}

// Some of a graph's edges, over the same nodes.
struct EdgeSubset {
  EdgeMatrix edges;
  std::vector<int64_t> origin;  // index of each edge in the whole graph
};

EdgeSubset EdgesAmong(const EdgeMatrix& all, std::span<const uint8_t> node_mask) {
  EdgeSubset subset;
  subset.edges.row_begin.reserve(all.row_begin.size());
  subset.edges.row_begin.push_back(0);
  for (size_t row = 0; row < node_mask.size(); ++row) {
    for (int64_t e = all.row_begin[row]; node_mask[row] && e < all.row_begin[row + 1]; ++e) {
      if (!node_mask[all.columns[e]]) continue;
      subset.edges.columns.push_back(all.columns[e]);
      subset.edges.weights.push_back(all.weights[e]);
      subset.origin.push_back(e);
    }
    subset.edges.row_begin.push_back(subset.edges.n_edges());
  }
  return subset;
}

std::vector<double> EdgeScores(const EdgeMatrix& edges, std::span<const double> logit_weights) {
  const Influence influence = ComputeInfluence(edges, logit_weights);
  std::vector<double> scores(edges.n_edges());
  for (size_t row = 0; row + 1 < edges.row_begin.size(); ++row) {
    for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
      scores[e] = std::abs(edges.weights[e]) * influence.row_factor[row];
    }
  }
  return scores;
}

struct KeptEdge {
  int32_t target = 0;
  int32_t source = 0;
  int64_t origin = 0;
};

std::vector<KeptEdge> InfluentialEdges(const EdgeSubset& subset,
                                       std::span<const double> logit_weights, double fraction) {
  const std::vector<double> scores = EdgeScores(subset.edges, logit_weights);
  const double threshold = ScoreThreshold(scores, fraction);
  std::vector<KeptEdge> kept;
  for (int32_t row = 0; row + 1 < static_cast<int32_t>(subset.edges.row_begin.size()); ++row) {
    for (int64_t e = subset.edges.row_begin[row]; e < subset.edges.row_begin[row + 1]; ++e) {
      if (scores[e] > 0 && scores[e] >= threshold) {
        kept.push_back({row, subset.edges.columns[e], subset.origin[e]});
      }
    }
  }
  return kept;
}

// Drops features and errors without an outgoing edge and features without an incoming one, and the
// edges of what is dropped. Returns whether there were any.
bool DropDeadEnds(const AttributionGraph& graph, std::vector<KeptEdge>& edges,
                  std::vector<uint8_t>& node_mask) {
  std::vector<uint8_t> has_incoming(node_mask.size(), 0);
  std::vector<uint8_t> has_outgoing(node_mask.size(), 0);
  for (const KeptEdge& edge : edges) {
    has_incoming[edge.target] = 1;
    has_outgoing[edge.source] = 1;
  }
  bool dropped = false;
  for (int32_t node = 0; node < graph.first_token(); ++node) {
    const bool is_feature = node < graph.first_error();
    if (!node_mask[node] || (has_outgoing[node] && (has_incoming[node] || !is_feature))) continue;
    node_mask[node] = 0;
    dropped = true;
  }
  std::erase_if(edges, [&](const KeptEdge& edge) {
    return !node_mask[edge.target] || !node_mask[edge.source];
  });
  return dropped;
}

}  // namespace

absl::Status CheckPruningOptions(const PruningOptions& options) {
  RETURN_IF_ERROR(CheckThreshold("node_threshold", options.node_threshold));
  return CheckThreshold("edge_threshold", options.edge_threshold);
}

absl::StatusOr<PruningResult> PruneGraph(const AttributionGraph& graph,
                                         const PruningOptions& options) {
  RETURN_IF_ERROR(CheckPruningOptions(options));
  ASSIGN_OR_RETURN(const Influence influence, ComputeInfluence(graph));

  PruningResult result;
  result.options = options;
  result.node_influence.assign(influence.nodes.begin(), influence.nodes.end());
  result.cumulative_influence = CumulativeInfluence(influence.nodes);
  result.node_mask = InfluentialNodes(graph, influence.nodes, options.node_threshold);

  std::vector<KeptEdge> kept = InfluentialEdges(EdgesAmong(graph.edges, result.node_mask),
                                                LogitWeights(graph), options.edge_threshold);
  while (DropDeadEnds(graph, kept, result.node_mask)) {
  }

  result.edge_mask.assign(graph.edges.n_edges(), 0);
  for (const KeptEdge& edge : kept) result.edge_mask[edge.origin] = 1;
  result.n_kept_edges = static_cast<int64_t>(kept.size());
  result.n_kept_nodes = static_cast<int32_t>(
      std::count(result.node_mask.begin(), result.node_mask.end(), uint8_t{1}));
  return result;
}

}  // namespace cajal::graph
