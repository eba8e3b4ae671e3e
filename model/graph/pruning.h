// Pruning: the nodes and edges of a graph that matter.
//
// A pruning is a list of steps, each one of the rules of pruning_rules.h. The first step works on
// the whole graph, each later one on what the step before has left, as if that were the whole
// graph: influence and row sums are taken anew. After every step, features and errors that lead
// nowhere and features that nothing leads to are dropped with their edges, until none is left. The
// same steps on the same graph keep the same nodes and edges, so a pruning is as good as its
// options.
//
// One step with the influence rule is exactly circuit-tracer's prune_graph, with sums in float64.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/pruning_rules.h"
#include "model/graph/scores.h"

namespace cajal::graph {

struct PruningOptions {
  // Without steps: one step, the influence rule with these two. With steps they are not looked at.
  double node_threshold = 0.8;
  double edge_threshold = 0.98;
  std::vector<PruningRule> steps = {};  // at most kMaxPruningSteps
  // Nodes that stay, whatever a step says, as NodeId has them. Their edges are held to the rules
  // like all others, so a kept node may end up without any. At most kMaxPruningIds.
  std::vector<std::string> keep_ids = {};
  // Influence is that on these logits alone, and the other logits are dropped before the first
  // step. Empty = all. At most kMaxPruningIds.
  std::vector<std::string> logit_ids = {};
};
inline constexpr int kMaxPruningSteps = 32;
inline constexpr int kMaxPruningIds = 10000;

struct PruningResult {
  PruningOptions options;
  std::vector<double> logit_weights;  // [n_nodes]: what influence was measured on
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

// The last step of the influence rule, as the metadata of files have it: thresholds of 1, which cut
// nothing, when there is none.
InfluenceRule ThresholdsOf(const PruningOptions& options);

// What can be checked without a graph: InvalidField("node_threshold"), ("edge_threshold"),
// ("steps"), CheckRule's with "steps[i]", ("keep_ids"), ("logit_ids").
absl::Status CheckPruningOptions(const PruningOptions& options);

// Fails with CheckPruningOptions' or CheckLayerOrder's error, and with InvalidField("keep_ids[i]")
// or ("logit_ids[i]") for an id that the graph does not have, or that is no logit's. A graph
// without any influence (no edges) keeps its tokens and logits.
absl::StatusOr<PruningResult> PruneGraph(const AttributionGraph& graph,
                                         const PruningOptions& options);

// The scores of what is left, as if it were the whole graph: what the hosted viewer shows for a
// pruned graph.
GraphScores KeptScores(const AttributionGraph& graph, const PruningResult& pruning);

}  // namespace cajal::graph
