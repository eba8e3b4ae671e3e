#include "model/graph/graph_summary.h"

namespace cajal::graph {

GraphSummary Summarize(const AttributionGraph& graph, const GraphScores& scores,
                       const GraphCost& cost) {
  return {
      .model_name = graph.model_name,
      .transcoder_name = graph.transcoder_name,
      .prompt = graph.prompt,
      .n_positions = graph.n_positions(),
      .n_layers = graph.n_layers,
      .settings = graph.settings,
      .logits = graph.logits,
      .n_active_features = static_cast<int64_t>(graph.active_features.size()),
      .n_selected_features = graph.n_selected(),
      .n_nodes = graph.n_nodes(),
      .n_edges = graph.edges.n_edges(),
      .scores = scores,
      .additivity = graph.additivity,
      .cost = cost,
      .is_imported = graph.imported.has_value(),
  };
}

}  // namespace cajal::graph
