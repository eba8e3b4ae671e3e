// A graph with groups of its nodes drawn together: one node for each supernode, and edges between
// them that are sums over their members.
//
//   W'[T, S] = sum over t in T, s in S of A[t, s]
//
// Edges inside a supernode would be loops; they are left out and reported. Supernodes hold
// supernodes: the outermost one that is not opened stands for all that is in it. With all opened,
// the graph is what it was. Folding may close circles (a supernode with members below and above
// another one), so what needs the layer order — influence, scores, paths — is asked of the graph
// itself: folding changes no score.
//
// Pure functions; any thread. Takes one pass over the edges, and memory for the nodes and the
// folded edges.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"

namespace cajal::graph {

struct FoldedGraph {
  // What is seen: indices of the graph for nodes by themselves, graph.n_nodes() + i for supernode
  // i. Ascending. A supernode of which pruning keeps no node is not seen.
  std::vector<int32_t> nodes;

  // By ascending (target, source); both are indices as in `nodes`.
  std::vector<int32_t> targets;
  std::vector<int32_t> sources;
  std::vector<float> weights;     // signed sums; 0 where members' edges cancel
  std::vector<float> magnitudes;  // sums of |weight|
  std::vector<int32_t> counts;    // edges that were added up

  // What is inside of a supernode that is seen.
  struct Inside {
    int32_t supernode = 0;  // its index in the forest
    int32_t n_nodes = 0;    // its nodes that pruning keeps
    int64_t n_edges = 0;    // edges between them
    double weight = 0;      // their signed sum
    double magnitude = 0;   // the sum of their |weight|
  };
  std::vector<Inside> insides;  // by ascending supernode

  [[nodiscard]] int64_t n_edges() const { return static_cast<int64_t>(targets.size()); }
};

// `forest` is of the graph. `opened`, [forest.entries.size()]: 1 = its members are seen in its
// place, if nothing that is closed holds it; empty = none is. `node_mask` [n_nodes] and `edge_mask`
// [n_edges]: 1 = kept; empty = all are.
FoldedGraph Fold(const AttributionGraph& graph, const SupernodeForest& forest,
                 std::span<const uint8_t> opened, std::span<const uint8_t> node_mask,
                 std::span<const uint8_t> edge_mask);

}  // namespace cajal::graph
