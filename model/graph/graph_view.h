// The part of a graph that pruning keeps, as lists: what the wire and the JSON export send.
//
// A node keeps its index of the whole graph, so that AddressOf, NodeId and the per-node arrays go
// on working and views made with different thresholds can be compared.
#pragma once

#include <cstdint>
#include <vector>

#include "model/graph/attribution_graph.h"
#include "model/graph/pruning.h"

namespace cajal::graph {

struct GraphView {
  std::vector<int32_t> nodes;    // ascending node indices
  std::vector<int32_t> targets;  // [n_edges] node indices; ascending (target, source)
  std::vector<int32_t> sources;  // [n_edges] node indices
  std::vector<float> weights;    // [n_edges]
};

// `pruning` is PruneGraph's result of the same graph. Every feature and error in the view has an
// edge in it; a token or a logit may have none.
GraphView PrunedView(const AttributionGraph& graph, const PruningResult& pruning);

}  // namespace cajal::graph
