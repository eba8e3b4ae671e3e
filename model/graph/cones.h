// Cones: what a set of nodes is fed by, and what it feeds.
//
// Think of a walk against the edges, which at a node goes to one of the node's sources with the
// probability of its share of the inflow,
//   share(t, s) = |A[t, s]| / max(sum over all s' of |A[t, s']|, 1e-10)
// and which ends where the edges that may be used end. Then
//   upstream:   the probability that a walk from the set (each node of it alike) passes the node:
//               the strengths of all paths from the node to the set together (paths.h), on average
//   downstream: the probability that a walk from the node comes to the set: how much of what feeds
//               the node stems from there
// The nodes of the set itself are part of both; downstream they have 1. Row sums are those of the
// complete graph, whatever edges may be used, so cones of different prunings can be compared.
//
// Pure functions; any thread. One pass over the edges.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

struct Cone {
  std::vector<double> strength;  // [n_nodes], in [0, 1]; 0: outside of the cone
  // [n_nodes]: the same with every path counted by its sign. From -strength (all speak against) to
  // strength (all speak for).
  std::vector<double> net;
};

// `seeds`: node indices, without duplicates. `edge_mask`, [n_edges]: 0 = the edge must not be used;
// empty = every edge may be. Errors: InvalidField("seeds") for none or a node that does not exist,
// and CheckLayerOrder's.
absl::StatusOr<Cone> UpstreamCone(const AttributionGraph& graph, std::span<const uint8_t> edge_mask,
                                  std::span<const int32_t> seeds);
absl::StatusOr<Cone> DownstreamCone(const AttributionGraph& graph,
                                    std::span<const uint8_t> edge_mask,
                                    std::span<const int32_t> seeds);

}  // namespace cajal::graph
