// How much of the prediction the features explain (circuit-tracer: compute_graph_scores).
//
// Pure functions; any thread.
#pragma once

#include <span>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

struct GraphScores {
  // Of the influence that ends in tokens and errors, the share that ends in tokens. [0, 1].
  double replacement = 0;
  // Share of all inflow, weighted by the target's influence, that does not come from errors. [0,
  // 1].
  double completeness = 0;
};

// Of the unpruned graph. Fails with CheckLayerOrder's error. Both are 0 without any influence.
absl::StatusOr<GraphScores> ComputeScores(const AttributionGraph& graph);

// The same from influences that are at hand, of the graph or of a part of its edges.
// node_influence, logit_weights: [n_nodes], as in influence.h.
GraphScores ComputeScores(const AttributionGraph& graph, std::span<const double> node_influence,
                          std::span<const double> logit_weights);

}  // namespace cajal::graph
