// How much of the targets flows through each node (circuit-tracer: compute_node_influence).
//
//   W = |A| / max(row sum of |A|, 1e-10)          every row's sources share its inflow
//   influence = w W + w W^2 + w W^3 + …           w = the targets' weights, 0 elsewhere
//
// The weight of a token is its probability; of other targets it is circuit-tracer's
// CustomTarget.prob (graph/target.h has the defaults). Scaling all weights changes no ranking and
// no score.
//
// The graph is acyclic in layer order, so the series is one pass over the rows from the last to the
// first: when a row is reached, all of its targets have been. A row t passes on what reached it,
// influence[t] + w[t], in proportion to |A|. Sums are float64.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

// circuit-tracer's clamp in normalize_matrix.
inline constexpr double kMinRowSum = 1e-10;

struct Influence {
  std::vector<double> nodes;  // [n_nodes], >= 0
  // [n_nodes]: what a row passes on for each unit of |weight|. The score of an edge e into t, as in
  // compute_edge_influence, is |weights[e]| * row_factor[t].
  std::vector<double> row_factor;
};

// w: the targets' weights at their nodes, 0 elsewhere. [n_nodes].
std::vector<double> LogitWeights(const AttributionGraph& graph);

// Of a complete graph. Fails with CheckLayerOrder's error.
absl::StatusOr<Influence> ComputeInfluence(const AttributionGraph& graph);

// Of any part of its edges, over the same nodes; the layer order is taken for granted. `edge_mask`,
// [n_edges]: 0 = the edge is not there; empty = every edge is.
Influence ComputeInfluence(const EdgeMatrix& edges, std::span<const double> logit_weights,
                           std::span<const uint8_t> edge_mask = {});

}  // namespace cajal::graph
