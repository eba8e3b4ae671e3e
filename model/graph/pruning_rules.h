// The rules that pruning is made of. Each takes nodes and edges from a part of a graph, as if that
// part were the whole graph.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/influence.h"
#include "model/graph/subgraph.h"

namespace cajal::graph {

// circuit-tracer's prune_graph:
//   1. Keep the nodes that carry `node_threshold` of all node influence; tokens and logits always.
//   2. Score the edges among them, influence and row sums taken anew without the dropped nodes, and
//      keep those that carry `edge_threshold` of the sum. What ties with the last one stays too.
struct InfluenceRule {
  double node_threshold = 0.8;   // [0, 1]: share of the node influence that is kept
  double edge_threshold = 0.98;  // [0, 1]: share of the edge scores that is kept
};

// Keep the edges with |weight| >= min_weight: the "remove |A| < eps" of the paper's text, which its
// code lacks (arXiv 2602.20330).
struct WeightRule {
  double min_weight = 0;  // finite, >= 0
};

// Of the edges into each node keep the `max_sources` with the largest |weight|; of equal ones those
// from the nodes that come first in the node order.
struct TopSourcesRule {
  int32_t max_sources = 1;  // >= 1
};

enum class Modality { kAny, kText, kImage };

// Keep the features and errors of some layers, at some positions; and the tokens at these positions
// (they have no layer). Logits stay. Ranges include both ends, and may reach beyond the graph.
struct PlaceRule {
  int32_t first_layer = 0;
  int32_t last_layer = std::numeric_limits<int32_t>::max();
  int32_t first_position = 0;
  int32_t last_position = std::numeric_limits<int32_t>::max();
  // kImage: image soft tokens alone, AttributionGraph::image_runs; kText: all other positions, the
  // markers around an image included.
  Modality modality = Modality::kAny;
};

using PruningRule = std::variant<InfluenceRule, WeightRule, TopSourcesRule, PlaceRule>;

// InvalidField with `field` as the name of the rule: "steps[2]" + ".influence.node_threshold",
// ".weight.min_weight", ".top_sources.max_sources", ".place.last_layer", ".place.last_position".
absl::Status CheckRule(const std::string& field, const PruningRule& rule);

// What all rules are applied with.
struct PruningFrame {
  std::vector<double> logit_weights;  // [n_nodes]: influence is that on these, LogitWeights
  std::vector<uint8_t> keep;          // [n_nodes]: 1 = stays, whatever a rule says
};

// Applies a rule to `subgraph`, and drops the dead ends that this leaves (DropDeadEnds). Every rule
// may take edges of kept nodes away; the nodes stay. The rule is valid and the graph in layer
// order.
void ApplyRule(const AttributionGraph& graph, const PruningRule& rule, const PruningFrame& frame,
               Subgraph* subgraph);

// Whether a position holds an image soft token. [n_positions].
std::vector<uint8_t> ImagePositions(const AttributionGraph& graph);

}  // namespace cajal::graph
