#include "model/graph/paths.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "model/graph/graph_check.h"

namespace cajal::graph {
namespace {

constexpr double kMinRowSum = 1e-10;  // as in influence.cc

// The end of a path that leads from some source to a node: one edge, and the rest by reference to
// the list of the node that the edge comes from.
struct HalfPath {
  double strength = 1;
  int32_t sign = 1;
  int32_t from = -1;  // -1: the path begins here
  int32_t rank = 0;   // in from's list
};

bool IsStronger(const HalfPath& a, const HalfPath& b) {
  if (a.strength != b.strength) return a.strength > b.strength;
  if (a.from != b.from) return a.from < b.from;
  return a.rank < b.rank;
}

// The strongest half paths to each node, strongest first.
using HalfPaths = std::vector<std::vector<HalfPath>>;

// Which nodes are in the set. [n_nodes].
absl::StatusOr<std::vector<uint8_t>> MaskOf(const AttributionGraph& graph,
                                            const std::vector<int32_t>& nodes, const char* field) {
  std::vector<uint8_t> mask(graph.n_nodes(), 0);
  for (const int32_t node : nodes) {
    if (node < 0 || node >= graph.n_nodes()) {
      return InvalidField(field, "node " + std::to_string(node) +
                                     " does not exist; the graph has nodes 0 to " +
                                     std::to_string(graph.n_nodes() - 1));
    }
    if (mask[node] != 0) {
      return InvalidField(field, "node " + std::to_string(node) + " stands twice");
    }
    mask[node] = 1;
  }
  return mask;
}

double RowSum(const EdgeMatrix& edges, int32_t row) {
  double sum = 0;
  for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
    sum += std::abs(edges.weights[e]);
  }
  return std::max(sum, kMinRowSum);
}

// The strongest half paths that end with an edge into `row`. Every source of the row has its own
// list already.
std::vector<HalfPath> Extend(const EdgeMatrix& edges, std::span<const uint8_t> edge_mask,
                             int32_t row, const HalfPaths& found, size_t max_paths) {
  std::vector<HalfPath> extended;
  const double row_sum = RowSum(edges, row);
  for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
    if (!edge_mask.empty() && edge_mask[e] == 0) continue;
    const int32_t source = edges.columns[e];
    const double share = std::abs(edges.weights[e]) / row_sum;
    const int32_t sign = edges.weights[e] < 0 ? -1 : 1;
    for (size_t rank = 0; rank < found[source].size(); ++rank) {
      const HalfPath& half = found[source][rank];
      extended.push_back(
          {half.strength * share, half.sign * sign, source, static_cast<int32_t>(rank)});
    }
    // Keeps the list short without sorting it at each edge.
    if (extended.size() > 4 * max_paths + 1024) {
      std::nth_element(extended.begin(), extended.begin() + max_paths, extended.end(), IsStronger);
      extended.resize(max_paths);
    }
  }
  const size_t kept = std::min(extended.size(), max_paths);
  std::partial_sort(extended.begin(), extended.begin() + kept, extended.end(), IsStronger);
  extended.resize(kept);
  return extended;
}

// The nodes of a half path, from its source to `node`.
std::vector<int32_t> NodesOf(const HalfPaths& found, int32_t node, const HalfPath& half) {
  std::vector<int32_t> nodes = {node};
  for (const HalfPath* step = &half; step->from >= 0; step = &found[step->from][step->rank]) {
    nodes.push_back(step->from);
  }
  std::reverse(nodes.begin(), nodes.end());
  return nodes;
}

}  // namespace

absl::StatusOr<std::vector<GraphPath>> FindPaths(const AttributionGraph& graph,
                                                 std::span<const uint8_t> edge_mask,
                                                 const PathQuery& query) {
  if (query.max_paths < 1 || query.max_paths > kMaxPaths) {
    return InvalidField("max_paths", "must be within 1 and " + std::to_string(kMaxPaths) +
                                         ", not " + std::to_string(query.max_paths));
  }
  ASSIGN_OR_RETURN(const std::vector<uint8_t> is_source, MaskOf(graph, query.sources, "sources"));
  ASSIGN_OR_RETURN(const std::vector<uint8_t> is_target, MaskOf(graph, query.targets, "targets"));
  RETURN_IF_ERROR(CheckLayerOrder(graph));

  // Errors and tokens have no row, features ascend by layer and logits come last: when a row is
  // reached, the lists of all its sources are complete.
  HalfPaths found(graph.n_nodes());
  for (int32_t node = graph.first_error(); node < graph.first_logit(); ++node) {
    if (is_source[node] != 0) found[node] = {HalfPath{}};
  }
  std::vector<GraphPath> paths;
  const auto visit = [&](int32_t row) {
    std::vector<HalfPath> halves = Extend(graph.edges, edge_mask, row, found, query.max_paths);
    if (is_target[row] != 0) {
      for (const HalfPath& half : halves) {
        paths.push_back({NodesOf(found, row, half), half.strength, half.sign});
      }
    }
    if (is_source[row] != 0) {
      // The path that begins here is the strongest of all: nothing was lost on the way.
      halves.insert(halves.begin(), HalfPath{});
      if (halves.size() > static_cast<size_t>(query.max_paths)) halves.pop_back();
    }
    found[row] = std::move(halves);
  };
  for (int32_t row = 0; row < graph.n_selected(); ++row) visit(row);
  for (int32_t row = graph.first_logit(); row < graph.n_nodes(); ++row) visit(row);

  const size_t kept = std::min(paths.size(), static_cast<size_t>(query.max_paths));
  std::partial_sort(paths.begin(), paths.begin() + kept, paths.end(),
                    [](const GraphPath& a, const GraphPath& b) {
                      return a.strength != b.strength ? a.strength > b.strength : a.nodes < b.nodes;
                    });
  paths.resize(kept);
  return paths;
}

}  // namespace cajal::graph
