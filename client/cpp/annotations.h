// What people add to stored graphs, and graphs with their supernodes folded, as plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cpp/graph.h"
#include "model/graph/annotations.h"

namespace cajal::client {

using Annotations = graph::Annotations;  // labels, pins, supernodes
using Supernode = graph::Supernode;

// Annotations with what tells this version of them from others.
struct VersionedAnnotations {
  Annotations annotations;
  std::string etag;
};

struct UpdateGraphRequest {
  std::string name = {};         // "graphs/{id}"
  Annotations annotations = {};  // all of it: what is left out is gone
  // Of the version that these were made from: ABORTED (STALE_REVISION) if there is a newer one. "*"
  // overwrites whatever is there.
  std::string etag = {};
};

enum class SupernodeProposal {
  kImagePositions,  // the same feature at two or more positions of one picture
  kSimilarEdges,    // features, and supernodes of features, with similar edges
};

struct FoldGraphRequest {
  std::string name = {};                          // "graphs/{id}"
  std::vector<Supernode> supernodes = {};         // besides those that are stored
  bool ignore_stored = false;                     // leave those aside
  std::vector<SupernodeProposal> proposals = {};  // in this order, at most 2
  std::optional<double> min_similarity = {};      // [0.8] of kSimilarEdges
  std::vector<std::string> opened = {};           // supernodes whose members are shown
  GraphView view = GraphView::kPruned;            // not kNone
  PruneOptions prune = {};
};

// A supernode in its graph.
struct FoldedSupernode {
  Supernode supernode;
  int32_t parent = -1;    // place in the list of the supernode that holds it
  bool proposed = false;  // by this call
  // Whether it is shown as one node. If not, the figures below are 0.
  bool shown = false;
  std::vector<int32_t> node_indices;  // all nodes in it, in the view or not; ascending
  int32_t n_nodes = 0;                // of them in the view
  double influence = 0;               // their sum
  int64_t n_inner_edges = 0;          // between them; not among the folded edges
  double inner_weight = 0;            // signed sum
  double inner_magnitude = 0;         // sum of |weight|
};

// Folded edges as parallel arrays, by ascending (target, source). Ends are node indices, or
// GraphInfo::n_nodes + i for supernode i.
struct FoldedEdgeList {
  std::vector<int32_t> sources;
  std::vector<int32_t> targets;
  std::vector<float> weights;     // signed sums
  std::vector<float> magnitudes;  // sums of |weight|
  std::vector<int32_t> counts;    // edges that were added up

  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(sources.size()); }
};

struct FoldedGraph {
  Graph graph;                              // all nodes of the view; no edges
  std::vector<FoldedSupernode> supernodes;  // those of the request, those stored, those proposed
  FoldedEdgeList edges;
};

}  // namespace cajal::client
