// Pruning: the nodes and edges that carry most of the influence on the logits.
//
// Exactly circuit-tracer's prune_graph, with sums in float64:
//   1. Keep the nodes that carry `node_threshold` of all node influence; tokens and logits always.
//   2. Score the edges among them, influence and row sums taken anew without the dropped nodes, and
//      keep those that carry `edge_threshold` of the sum. What ties with the last one stays too.
//   3. Drop features and errors that lead nowhere and features that nothing leads to, with their
//      edges, until none is left.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

struct PruningOptions {
  double node_threshold = 0.8;   // [0, 1]: share of the node influence that is kept
  double edge_threshold = 0.98;  // [0, 1]: share of the edge scores that is kept
};

struct PruningResult {
  PruningOptions options;
  // Of the unpruned graph. [n_nodes].
  std::vector<float> node_influence;
  // Share of all influence that nodes at least as influential carry, itself included: small for
  // important nodes, near 1 for unimportant ones. What circuit-tracer exports as "influence".
  // [n_nodes].
  std::vector<float> cumulative_influence;
  std::vector<uint8_t> node_mask;  // [n_nodes], 1 = kept
  std::vector<uint8_t> edge_mask;  // [n_edges], 1 = kept; both ends are then kept
  int32_t n_kept_nodes = 0;
  int64_t n_kept_edges = 0;
};

// Thresholds within [0, 1]; else InvalidField("node_threshold") or ("edge_threshold").
absl::Status CheckPruningOptions(const PruningOptions& options);

// Fails with CheckPruningOptions' or CheckLayerOrder's error. A graph without any influence (no
// edges) keeps its tokens and logits.
absl::StatusOr<PruningResult> PruneGraph(const AttributionGraph& graph,
                                         const PruningOptions& options);

}  // namespace cajal::graph
