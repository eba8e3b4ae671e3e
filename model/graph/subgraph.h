// Some of a graph's nodes and edges, as masks over all of them: what pruning works on.
//
// Masks in place of copies: a graph of the 4B model has 130 million edges, a gigabyte, and each
// mask of them takes an eighth of that.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/graph/attribution_graph.h"

namespace cajal::graph {

struct Subgraph {
  std::vector<uint8_t> nodes;  // [n_nodes], 1 = in it
  std::vector<uint8_t> edges;  // [n_edges], 1 = in it, and then both of its ends are
};

// All nodes and edges.
Subgraph WholeGraph(const AttributionGraph& graph);

// Takes the edges away that have lost an end: `nodes` was changed.
void DropLooseEdges(const AttributionGraph& graph, Subgraph* subgraph);

// Drops features and errors that lead nowhere and features that nothing leads to, with their edges,
// until none is left (circuit-tracer: the end of prune_graph). Tokens and logits stay, and so does
// what `keep`, [n_nodes], has as 1. The graph is in layer order (CheckLayerOrder); that makes it
// two passes over the edges.
void DropDeadEnds(const AttributionGraph& graph, std::span<const uint8_t> keep, Subgraph* subgraph);

}  // namespace cajal::graph
