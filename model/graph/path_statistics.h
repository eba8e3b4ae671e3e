// What the paths through a graph are like on average: how deep they are, from how far they come,
// and whether a few of them carry it all. Follow-up work on the paper tells graphs of right answers
// from those of hallucinated ones by figures of these names (arXiv 2605.22902); it gives no
// formulas, so these are Cajal's own.
//
// All are over the same distribution: walk from the answer back to its origins. Begin at a logit,
// chosen by weight among those that have an edge; step from a target to a source with probability
//   |A[t, s]| / sum over all s' of |A[t, s']|
// until a node has no incoming edge. A path's probability is thus its strength (paths.h) times its
// logit's share of the weights. The figures are exact, over all paths, in one pass over the edges.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>

#include "model/graph/attribution_graph.h"

namespace cajal::graph {

struct PathStatistics {
  double mean_depth = 0;       // edges of a path
  double mean_layer_span = 0;  // layers from its origin (tokens: -1) to its logit (n_layers)
  // Positions that it passes: the sum of |position of target - position of source| over its edges.
  double mean_token_distance = 0;
  // Entropy of the distribution, in nats: its exponential is the number of paths that would carry
  // as much if all were equally strong.
  double contribution_entropy = 0;
  double top_path_share = 0;  // probability of the likeliest path; (0, 1]
};

// Of the edges that `edge_mask`, [n_edges], has as 1; empty = of all. logit_weights: [n_nodes], as
// in influence.h. The graph is in layer order. All 0 when no logit has an edge.
PathStatistics ComputePathStatistics(const AttributionGraph& graph,
                                     std::span<const uint8_t> edge_mask,
                                     std::span<const double> logit_weights);

}  // namespace cajal::graph
