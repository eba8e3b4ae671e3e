// Which node an index of the adjacency matrix stands for, and the name the outside knows it by.
//
// Pure functions of an AttributionGraph; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/graph/attribution_graph.h"

namespace cajal::graph {

enum class NodeKind { kFeature, kError, kToken, kLogit };

struct NodeAddress {
  NodeKind kind = NodeKind::kFeature;
  int32_t layer = 0;     // -1 for tokens, n_layers for logits
  int32_t position = 0;  // logits: what they are traced at, mostly the last position
  int64_t index = 0;     // feature number; -1 for errors; the token id for tokens and logits
};

// node: [0, graph.n_nodes()).
NodeAddress AddressOf(const AttributionGraph& graph, int32_t node);

// circuit-tracer's newest ids: `{layer}_{feature}_{position}`, errors `{layer}_-1_{position}`,
// tokens `E_{token}_{position}`, logits `{n_layers + 1}_{token}_{position}`.
std::string NodeId(const AttributionGraph& graph, int32_t node);

// The node with this id; nothing if the graph has none.
std::optional<int32_t> NodeWithId(const AttributionGraph& graph, const std::string& id);

}  // namespace cajal::graph
