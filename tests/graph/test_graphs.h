// Graphs that the tests of this folder share: one small enough for paper, random ones, and the
// golden ones.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "model/graph/attribution_graph.h"

namespace cajal::graph {

// (target, source, weight), in any order.
using Edge = std::tuple<int32_t, int32_t, float>;
EdgeMatrix MakeEdges(int32_t n_nodes, std::vector<Edge> edges);

// Twelve nodes, worked through by hand in influence_test.cc and pruning_test.cc:
//   features  0: L0 p0 f3   1: L0 p1 f1   2: L1 p1 f0   3: L1 p1 f5
//   errors    4: L0 p0      5: L0 p1      6: L1 p0      7: L1 p1
//   tokens    8: p0 (id 2)  9: p1 (id 70)
//   logits   10: id 40, 0.6    11: id 41, 0.2
AttributionGraph TwelveNodeGraph();

// A valid graph of 3 layers, 4 positions and 2 logits with every member filled in; about
// n_features^2 / 4 edges. The same seed gives the same graph.
AttributionGraph RandomGraph(uint64_t seed, int32_t n_features);

// Two graphs are the same to the bit.
bool Identical(const AttributionGraph& a, const AttributionGraph& b);

// golden/graphs/graph_<name>.safetensors, with texts left empty.
AttributionGraph GoldenGraph(const std::string& name);
std::vector<std::string> GoldenGraphNames();

}  // namespace cajal::graph
