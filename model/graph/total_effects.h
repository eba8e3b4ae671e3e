// What a node does to others along all paths of the graph together.
//
//   total(t, s) = A[t, s] + sum over features u other than s of A[t, u] / a[u] * total(u, s)
//
// A[t, u]: the edge, which is what u does to t with all of its activation a[u]. If something
// changes the pre-activation of u, its activation changes by as much, since the nonlinearities of
// transcoders have slope 1 wherever a feature is active; so u passes on the share change / a[u] of
// each of its edges. That is the frozen model with features linearised: without the node, the
// pre-activation or logit t is lower by total(t, s), as far as no feature falls silent or awakes
// and attention and norms stay what they are. Features that the graph has not selected pass nothing
// on.
//
// The sum over all paths of paths.h' effects from s to t is the same number.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

// sources: node indices, none of a logit. Returns [n_sources, n_selected + n_logits]: features in
// their order, then logits. What a feature does to itself is its activation; one whose activation
// is not known passes nothing on. Fails with CheckLayerOrder's error. O(n_edges * n_sources).
absl::StatusOr<std::vector<float>> TotalEffects(const AttributionGraph& graph,
                                                std::span<const int32_t> sources);

}  // namespace cajal::graph
