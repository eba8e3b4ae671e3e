// Random attribution graphs of a given shape: what storing and pruning cost depends on how many
// edges there are and where, not on what they mean.
//
// Features are spread evenly over (layer, position). Every edge that layer order permits
// (graph_check.h; positions are not looked at) is drawn with the same chance; weights are a normal
// number times the exponential of another. The same shape gives the same graph, on any machine.
//
// The 4B shape is Gemma-3-4B with one image: 34 layers, 291 positions, 7500 features, 10 logits, so
// 7510 rows x 17 695 nodes. Were every entry of these rows an edge, there would be 130 million;
// layer order permits 66 million of them. ManyEdgesShape has 130 million that it does permit: 12
// 000 features, 22 195 nodes.
#pragma once

#include <cstdint>

#include "model/graph/attribution_graph.h"

namespace cajal::bench {

struct RandomGraphShape {
  int32_t n_layers = 34;
  int32_t n_positions = 291;
  int32_t n_features = 7500;
  int32_t n_logits = 10;
  int64_t n_edges = INT64_MAX;  // about so many; all that are permitted, if they are fewer
  uint64_t seed = 1;
};

inline RandomGraphShape FourBShape() { return {}; }
inline RandomGraphShape ManyEdgesShape() { return {.n_features = 12'000, .n_edges = 130'000'000}; }

// Passes CheckGraph. Some 20 ns an edge.
graph::AttributionGraph MakeRandomGraph(const RandomGraphShape& shape);

}  // namespace cajal::bench
