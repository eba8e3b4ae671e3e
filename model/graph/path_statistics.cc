#include "model/graph/path_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "model/graph/node.h"

namespace cajal::graph {
namespace {

// The paths from a node back to its origins.
struct PathsFrom {
  double depth = 0;
  double origin_layer = 0;
  double distance = 0;
  double entropy = 0;
  double top_share = 1;
};

// Adds paths that are taken with probability `share`, by way of a step of `distance` positions.
void Add(const PathsFrom& rest, double share, double distance, PathsFrom* paths) {
  paths->depth += share * (1 + rest.depth);
  paths->origin_layer += share * rest.origin_layer;
  paths->distance += share * (distance + rest.distance);
  // The entropy of a choice is that of its first step and, on average, that of what follows.
  paths->entropy += share * (rest.entropy - std::log(share));
  paths->top_share = std::max(paths->top_share, share * rest.top_share);
}

class Walk {
 public:
  Walk(const AttributionGraph& graph, std::span<const uint8_t> edge_mask)
      : graph_(graph), edge_mask_(edge_mask), paths_(graph.n_nodes()) {
    addresses_.reserve(paths_.size());
    for (int32_t node = 0; node < graph.n_nodes(); ++node) {
      addresses_.push_back(AddressOf(graph, node));
      paths_[node].origin_layer = addresses_[node].layer;
    }
  }

  // Finds the paths from `row`; all of its sources have theirs. False when it has no edge.
  bool Visit(int32_t row) {
    const EdgeMatrix& edges = graph_.edges;
    double row_sum = 0;
    ForEachEdge(row, [&](int64_t e) { row_sum += std::abs(edges.weights[e]); });
    if (row_sum == 0) return false;
    PathsFrom paths{.top_share = 0};
    ForEachEdge(row, [&](int64_t e) {
      const double share = std::abs(edges.weights[e]) / row_sum;
      const int32_t source = edges.columns[e];
      if (share > 0) {
        Add(paths_[source], share, std::abs(addresses_[row].position - addresses_[source].position),
            &paths);
      }
    });
    paths_[row] = paths;
    return true;
  }

  [[nodiscard]] const PathsFrom& paths(int32_t node) const { return paths_[node]; }

 private:
  template <typename Visit>
  void ForEachEdge(int32_t row, const Visit& visit) const {
    for (int64_t e = graph_.edges.row_begin[row]; e < graph_.edges.row_begin[row + 1]; ++e) {
      if (edge_mask_.empty() || edge_mask_[e] != 0) visit(e);
    }
  }

  const AttributionGraph& graph_;
  const std::span<const uint8_t> edge_mask_;
  std::vector<NodeAddress> addresses_;  // [n_nodes]
  std::vector<PathsFrom> paths_;        // [n_nodes]
};

}  // namespace

PathStatistics ComputePathStatistics(const AttributionGraph& graph,
                                     std::span<const uint8_t> edge_mask,
                                     std::span<const double> logit_weights) {
  Walk walk(graph, edge_mask);
  for (int32_t row = 0; row < graph.n_selected(); ++row) walk.Visit(row);
  std::vector<int32_t> logits;
  double total = 0;
  for (int32_t row = graph.first_logit(); row < graph.n_nodes(); ++row) {
    if (logit_weights[row] <= 0 || !walk.Visit(row)) continue;
    logits.push_back(row);
    total += logit_weights[row];
  }
  PathStatistics statistics;
  for (const int32_t row : logits) {
    const double share = logit_weights[row] / total;
    const PathsFrom& paths = walk.paths(row);
    statistics.mean_depth += share * paths.depth;
    statistics.mean_layer_span += share * (graph.n_layers - paths.origin_layer);
    statistics.mean_token_distance += share * paths.distance;
    statistics.contribution_entropy += share * (paths.entropy - std::log(share));
    statistics.top_path_share = std::max(statistics.top_path_share, share * paths.top_share);
  }
  return statistics;
}

}  // namespace cajal::graph
