// Supernodes that Cajal proposes. People keep, rename or discard them; nothing is stored here.
//
// Both are deterministic: the same graph and masks give the same list, in the order of the members'
// node indices.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/fold.h"
#include "model/graph/supernodes.h"

namespace cajal::graph {

// The features that are active at two or more positions of the same picture (its crops included),
// one supernode for each: "feature 77 of layer 3 in image 0". Nodes that `forest` has in a
// supernode, and those that `node_mask` ([n_nodes]; empty = all are kept) drops, are passed over.
std::vector<Supernode> ProposeImagePositions(const AttributionGraph& graph,
                                             const SupernodeForest& forest,
                                             std::span<const uint8_t> node_mask);

// Features with similar edges. Compared are the nodes of `folded` that are features, or supernodes
// of features alone; so what ProposeImagePositions drew together can be a member here.
//
//   similarity(a, b) = (cos(in(a), in(b)) + cos(out(a), out(b))) / 2        in [-1, 1]
//   in(a)[s]  = weight of the edge from s into a
//   out(a)[t] = weight of the edge from a into t, over the sum of |weight| of all edges into t
// over the edges of `folded`; the cosine with a vector of zeros is 0. The groups are those of
// complete linkage: begin with each node alone, and join the two groups whose least similar members
// are the most similar, the ones with the lowest indices first among equals, while that similarity
// is `min_similarity` or more. So any two members of a group are at least so similar.
//
// A group of two or more becomes a supernode, "like ID" with the first of its members. Takes O(n²)
// memory and about O(n²) time for n nodes. Errors: InvalidField("min_similarity") outside of
// [0, 1]; InvalidField("proposals") for more than kMaxComparedNodes nodes.
absl::StatusOr<std::vector<Supernode>> ProposeSimilar(const AttributionGraph& graph,
                                                      const SupernodeForest& forest,
                                                      const FoldedGraph& folded,
                                                      double min_similarity);
inline constexpr int32_t kMaxComparedNodes = 4000;

}  // namespace cajal::graph
