#include "model/graph/subgraph.h"

#include <algorithm>

namespace cajal::graph {

Subgraph WholeGraph(const AttributionGraph& graph) {
  return {.nodes = std::vector<uint8_t>(graph.n_nodes(), 1),
          .edges = std::vector<uint8_t>(graph.edges.n_edges(), 1)};
}

void DropLooseEdges(const AttributionGraph& graph, Subgraph* subgraph) {
  const EdgeMatrix& edges = graph.edges;
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    const int64_t begin = edges.row_begin[row];
    const int64_t end = edges.row_begin[row + 1];
    if (subgraph->nodes[row] == 0) {
      std::fill(subgraph->edges.begin() + begin, subgraph->edges.begin() + end, uint8_t{0});
      continue;
    }
    for (int64_t e = begin; e < end; ++e) subgraph->edges[e] &= subgraph->nodes[edges.columns[e]];
  }
}

void DropDeadEnds(const AttributionGraph& graph, std::span<const uint8_t> keep,
                  Subgraph* subgraph) {
  const EdgeMatrix& edges = graph.edges;
  std::vector<uint8_t>& nodes = subgraph->nodes;
  std::vector<uint8_t>& mask = subgraph->edges;

  // Upwards: when a feature is reached, it is settled which of its sources something leads to.
  for (int32_t row = 0; row < graph.n_selected(); ++row) {
    if (nodes[row] == 0 || keep[row] != 0) continue;
    int64_t e = edges.row_begin[row];
    while (e < edges.row_begin[row + 1] && (mask[e] == 0 || nodes[edges.columns[e]] == 0)) ++e;
    nodes[row] = e < edges.row_begin[row + 1] ? 1 : 0;
  }

  // Downwards: when a feature is reached, it is settled which of its targets lead somewhere. What
  // is dropped here has no target left, so no feature loses its last source.
  std::vector<uint8_t> leads_somewhere(keep.begin(), keep.end());
  const auto visit = [&](int32_t row) {
    for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
      const int32_t source = edges.columns[e];
      mask[e] &= nodes[source];
      leads_somewhere[source] |= mask[e];
    }
  };
  const auto drop = [&](int32_t row) {
    nodes[row] = 0;
    std::fill(mask.begin() + edges.row_begin[row], mask.begin() + edges.row_begin[row + 1],
              uint8_t{0});
  };
  for (int32_t row = graph.n_nodes() - 1; row >= graph.first_logit(); --row) visit(row);
  for (int32_t row = graph.n_selected() - 1; row >= 0; --row) {
    nodes[row] != 0 && leads_somewhere[row] != 0 ? visit(row) : drop(row);
  }
  for (int32_t error = graph.first_error(); error < graph.first_token(); ++error) {
    if (leads_somewhere[error] == 0) nodes[error] = 0;
  }
}

}  // namespace cajal::graph
