// The strongest paths through a graph: which chains of nodes carry an input to an answer.
//
// A path's strength is the product, edge by edge, of the edge's share of what comes into its
// target:
//   share(t, s) = |A[t, s]| / max(sum over all s' of |A[t, s']|, 1e-10)
// the normalised weights of influence.h. So the strengths of all paths from the tokens and errors
// to one node add up to 1 in a complete graph. The row sums are those of the complete graph,
// whatever edges the search may use; strengths found with different prunings can be compared.
//
// A path's effect is how much of its target's value came along it, with sign and in the target's
// unit. The source acts on the first step with A[s1, s0]; of what a step s_i passes on, the share
// A[s_i, s_i-1] / pre_activation[s_i] goes back to the step before:
//   effect(s0 … sk) = A[sk, sk-1] * product over 0 < i < k of A[s_i, s_i-1] / pre_activation[s_i]
// The frozen model is linear, so the effects of all paths from tokens and errors to one node, and
// of those from biases, add up to the node's pre-activation.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

struct PathQuery {
  std::vector<int32_t> sources;  // node indices at which paths begin; no duplicates
  std::vector<int32_t> targets;  // node indices at which they end; no duplicates
  int32_t max_paths = 10;        // [1, kMaxPaths]
  // Only paths with at least so many features, their ends included. [0, kMaxMinFeatures]. The
  // strongest paths are short ones; this asks for those that show steps in between.
  int32_t min_features = 0;
};
inline constexpr int32_t kMaxPaths = 1000;
inline constexpr int32_t kMaxMinFeatures = 100;

struct GraphPath {
  std::vector<int32_t> nodes;  // from source to target, at least two
  double strength = 0;         // (0, 1]
  // +1 or -1: the product of the edges' signs. A negative path speaks against its target.
  int32_t sign = 1;
  // In the unit of the target's pre-activation (of a logit: its demeaned logit). Not set if a step
  // in between has no pre-activation, as in graphs of other tools.
  std::optional<double> effect = {};
};

// At most max_paths paths, strongest first; ties in the order of their node indices. `edge_mask`,
// [n_edges]: 0 = the edge must not be used; empty = every edge may be.
// Takes O(n_edges * max_paths * (min_features + 1)) time, and memory for
// n_nodes * max_paths * (min_features + 1) half paths.
// Errors: InvalidField("sources" or "targets") for a node that does not exist or stands twice,
// ("max_paths"), ("min_features"), and CheckLayerOrder's.
absl::StatusOr<std::vector<GraphPath>> FindPaths(const AttributionGraph& graph,
                                                 std::span<const uint8_t> edge_mask,
                                                 const PathQuery& query);

}  // namespace cajal::graph
