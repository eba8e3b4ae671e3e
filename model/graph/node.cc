#include "model/graph/node.h"

#include "absl/strings/str_cat.h"
#include "model/base/check.h"

namespace cajal::graph {

NodeAddress AddressOf(const AttributionGraph& graph, int32_t node) {
  CAJAL_CHECK(node >= 0 && node < graph.n_nodes()) << "node " << node;
  if (node < graph.first_error()) {
    const FeatureNode& feature = graph.active_features[graph.selected_features[node]];
    return {NodeKind::kFeature, feature.layer, feature.position, feature.feature};
  }
  if (node < graph.first_token()) {
    const int32_t error = node - graph.first_error();
    return {NodeKind::kError, error / graph.n_positions(), error % graph.n_positions(), -1};
  }
  if (node < graph.first_logit()) {
    const int32_t position = node - graph.first_token();
    return {NodeKind::kToken, -1, position, graph.input_tokens[position]};
  }
  const LogitNode& logit = graph.logits[node - graph.first_logit()];
  return {NodeKind::kLogit, graph.n_layers, graph.n_positions() - 1, logit.token_id};
}

std::string NodeId(const AttributionGraph& graph, int32_t node) {
  const NodeAddress address = AddressOf(graph, node);
  switch (address.kind) {
    case NodeKind::kFeature:
    case NodeKind::kError:
      return absl::StrCat(address.layer, "_", address.index, "_", address.position);
    case NodeKind::kToken:
      return absl::StrCat("E_", address.index, "_", address.position);
    case NodeKind::kLogit:
      break;
  }
  return absl::StrCat(graph.n_layers + 1, "_", address.index, "_", address.position);
}

}  // namespace cajal::graph
