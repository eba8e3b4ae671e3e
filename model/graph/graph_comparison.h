// The difference of two graphs: nodes and edges gained, lost and changed.
//
// Nodes of the two are the same if they are of the same kind at positions that correspond
// (position_alignment.h), and features of the same layer and number; errors of the same layer;
// logits of the same token or label. Gained and lost go by what pruning keeps: a node may be lost
// although the other graph has it, among those that its pruning drops.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/position_alignment.h"

namespace cajal::graph {

enum class Change {
  kSame,
  kChanged,  // kept in both, with another value
  kGained,   // kept in the other graph alone
  kLost,     // kept in the base alone
};

struct ComparedNode {
  Change change = Change::kSame;
  int32_t base = -1;   // node index; -1: the graph has no such node
  int32_t other = -1;  // the same of the other graph
};

struct ComparedEdge {
  Change change = Change::kSame;
  int32_t source = 0;  // places in GraphComparison::nodes
  int32_t target = 0;
  float base_weight = 0;  // 0: the graph has no such edge
  float other_weight = 0;
};

struct GraphComparison {
  PositionAlignment alignment;
  // What either pruning keeps: nodes of the base by node index, then those of the other graph
  // alone.
  std::vector<ComparedNode> nodes;
  // What either pruning keeps, by ascending (target, source).
  std::vector<ComparedEdge> edges;
};

// A graph and what pruning keeps of it. The masks, [n_nodes] and [n_edges]: 1 = kept.
struct PrunedGraph {
  const AttributionGraph* graph = nullptr;
  std::span<const uint8_t> node_mask;
  std::span<const uint8_t> edge_mask;
};

// Values a and b differ if |a - b| > tolerance * max(|a|, |b|). A node's value is the activation of
// a feature and the probability of a logit; a token differs if it is another token; errors have no
// value. Errors: InvalidField("tolerance") outside of [0, 1], ("other") for another number of
// layers.
absl::StatusOr<GraphComparison> CompareGraphs(const PrunedGraph& base, const PrunedGraph& other,
                                              double tolerance);

}  // namespace cajal::graph
