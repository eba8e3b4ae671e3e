// The scores of a graph in which only some features stand for themselves and all others count as
// error, as the hosted viewer of circuit-tracer's graphs scores a subgraph of pinned features: the
// column of every other feature is added to that of the error node of its layer and position.
// Weights add with their signs, since the merged node's direct effect is the sum of theirs.
//
// So the scores fall when features that matter are left out, where those of the pruned graph alone
// (pruning.h's KeptScores) would not.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>

#include "model/graph/attribution_graph.h"
#include "model/graph/scores.h"

namespace cajal::graph {

// Of the edges that `edge_mask`, [n_edges], has as 1; empty = of all. `single`, [n_nodes]: 1 for
// the features that stand for themselves; other kinds of nodes do in any case. logit_weights:
// [n_nodes], as in influence.h. The graph is in layer order. Both are 0 without any influence.
GraphScores MergedScores(const AttributionGraph& graph, std::span<const uint8_t> edge_mask,
                         std::span<const uint8_t> single, std::span<const double> logit_weights);

}  // namespace cajal::graph
