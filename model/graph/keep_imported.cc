#include "model/graph/keep_imported.h"

#include <nlohmann/json.hpp>

#include "model/graph/influence.h"

namespace cajal::graph {

using nlohmann::json;

absl::StatusOr<PruningResult> KeepImported(const AttributionGraph& graph) {
  ASSIGN_OR_RETURN(const Influence influence, ComputeInfluence(graph));
  PruningResult result;
  result.options.node_threshold = 1;
  result.options.edge_threshold = 1;
  result.logit_weights = LogitWeights(graph);
  result.node_influence.assign(influence.nodes.begin(), influence.nodes.end());
  result.cumulative_influence.assign(graph.n_nodes(), -1);
  result.node_mask.assign(graph.n_nodes(), 0);
  for (size_t i = 0; i < graph.imported->nodes.size(); ++i) {
    result.node_mask[graph.imported->nodes[i]] = 1;
    result.cumulative_influence[graph.imported->nodes[i]] = graph.imported->influence[i];
  }
  result.edge_mask.assign(graph.edges.n_edges(), 1);
  result.n_kept_nodes = static_cast<int32_t>(graph.imported->nodes.size());
  result.n_kept_edges = graph.edges.n_edges();
  return result;
}

std::optional<std::string> SlugOf(const ImportedPart& part) {
  const json metadata = json::parse(part.metadata_json);
  const auto slug = metadata.find("slug");
  if (slug == metadata.end() || !slug->is_string()) return std::nullopt;
  return slug->get<std::string>();
}

}  // namespace cajal::graph
