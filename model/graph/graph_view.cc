#include "model/graph/graph_view.h"

namespace cajal::graph {

GraphView PrunedView(const AttributionGraph& graph, const PruningResult& pruning) {
  GraphView view;
  view.nodes.reserve(pruning.n_kept_nodes);
  view.targets.reserve(pruning.n_kept_edges);
  view.sources.reserve(pruning.n_kept_edges);
  view.weights.reserve(pruning.n_kept_edges);
  for (int32_t node = 0; node < graph.n_nodes(); ++node) {
    if (!pruning.node_mask[node]) continue;
    view.nodes.push_back(node);
    for (int64_t e = graph.edges.row_begin[node]; e < graph.edges.row_begin[node + 1]; ++e) {
      if (!pruning.edge_mask[e]) continue;
      view.targets.push_back(node);
      view.sources.push_back(graph.edges.columns[e]);
      view.weights.push_back(graph.edges.weights[e]);
    }
  }
  return view;
}

}  // namespace cajal::graph
