#include "model/graph/exported_part.h"

namespace cajal::graph {
ExportedNode DescribeNode(const ExportedPart& part, int32_t node) {
  const AttributionGraph& graph = part.graph;
  const NodeAddress address = AddressOf(graph, node);
  ExportedNode described{.id = NodeId(graph, node),
                         .kind = address.kind,
                         .layer = address.layer,
                         .position = address.position,
                         .index = address.index,
                         .token = graph.token_texts[address.position],
                         .influence = part.pruning.node_influence[node],
                         .activation = std::nullopt,
                         .weight = std::nullopt,
                         .pre_activation = std::nullopt};
  if (address.kind == NodeKind::kFeature) {
    described.activation = graph.active_features[graph.selected_features[node]].activation;
    described.pre_activation = graph.pre_activations[node];
  }
  if (address.kind == NodeKind::kLogit) {
    const LogitNode& logit = graph.logits[node - graph.first_logit()];
    described.token = logit.token;
    described.weight = logit.weight();
    described.pre_activation = graph.pre_activations[node];
  }
  return described;
}

const char* KindName(NodeKind kind) {
  switch (kind) {
    case NodeKind::kFeature:
      return "feature";
    case NodeKind::kError:
      return "error";
    case NodeKind::kToken:
      return "token";
    case NodeKind::kLogit:
      break;
  }
  return "logit";
}

std::vector<GraphAttribute> DescribeGraph(const ExportedPart& part) {
  return {{"name", part.name},
          {"model", part.graph.model_name},
          {"transcoders", part.graph.transcoder_name},
          {"prompt", part.graph.prompt},
          {"n_layers", int64_t{part.graph.n_layers}},
          {"n_positions", int64_t{part.graph.n_positions()}},
          {"node_threshold", part.pruning.options.node_threshold},
          {"edge_threshold", part.pruning.options.edge_threshold},
          {"replacement_score", part.scores.replacement},
          {"completeness_score", part.scores.completeness}};
}

}  // namespace cajal::graph
