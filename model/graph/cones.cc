#include "model/graph/cones.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "model/graph/graph_check.h"

namespace cajal::graph {
namespace {

constexpr double kMinRowSum = 1e-10;  // as in influence.cc

absl::Status Check(const AttributionGraph& graph, std::span<const int32_t> seeds) {
  if (seeds.empty()) return InvalidField("seeds", "at least one node");
  for (const int32_t node : seeds) {
    if (node >= 0 && node < graph.n_nodes()) continue;
    return InvalidField("seeds", "node " + std::to_string(node) +
                                     " does not exist; the graph has nodes 0 to " +
                                     std::to_string(graph.n_nodes() - 1));
  }
  return CheckLayerOrder(graph);
}

Cone EmptyCone(const AttributionGraph& graph) {
  return {std::vector<double>(graph.n_nodes(), 0.0), std::vector<double>(graph.n_nodes(), 0.0)};
}

double RowSum(const EdgeMatrix& edges, int32_t row) {
  double sum = 0;
  for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
    sum += std::abs(edges.weights[e]);
  }
  return std::max(sum, kMinRowSum);
}

// Calls visit(source, signed share) for each edge into the row that may be used.
template <typename Visit>
void ForEachShare(const EdgeMatrix& edges, std::span<const uint8_t> edge_mask, int32_t row,
                  const Visit& visit) {
  const double row_sum = RowSum(edges, row);
  for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
    if (edge_mask.empty() || edge_mask[e] != 0) visit(edges.columns[e], edges.weights[e] / row_sum);
  }
}

}  // namespace

absl::StatusOr<Cone> UpstreamCone(const AttributionGraph& graph, std::span<const uint8_t> edge_mask,
                                  std::span<const int32_t> seeds) {
  RETURN_IF_ERROR(Check(graph, seeds));
  Cone cone = EmptyCone(graph);
  for (const int32_t node : seeds) {
    cone.strength[node] = cone.net[node] = 1.0 / static_cast<double>(seeds.size());
  }
  // As in influence.cc: descending rows are in topological order, so a row is complete when it is
  // reached.
  for (int32_t row = graph.n_nodes() - 1; row >= 0; --row) {
    if (cone.strength[row] == 0) continue;
    ForEachShare(graph.edges, edge_mask, row, [&](int32_t source, double share) {
      cone.strength[source] += cone.strength[row] * std::abs(share);
      cone.net[source] += cone.net[row] * share;
    });
  }
  return cone;
}

absl::StatusOr<Cone> DownstreamCone(const AttributionGraph& graph,
                                    std::span<const uint8_t> edge_mask,
                                    std::span<const int32_t> seeds) {
  RETURN_IF_ERROR(Check(graph, seeds));
  Cone cone = EmptyCone(graph);
  for (const int32_t node : seeds) cone.strength[node] = cone.net[node] = 1;
  // Errors and tokens have no row; of the others all sources but these come before.
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    if (cone.strength[row] != 0) continue;  // a seed: walks end there
    ForEachShare(graph.edges, edge_mask, row, [&](int32_t source, double share) {
      cone.strength[row] += cone.strength[source] * std::abs(share);
      cone.net[row] += cone.net[source] * share;
    });
  }
  return cone;
}

}  // namespace cajal::graph
