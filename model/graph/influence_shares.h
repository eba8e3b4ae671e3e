// Where the influence on the logits lies: by kind of node, layer and modality.
//
// Influence is that of influence.h, of the whole graph. It is counted once at every node that it
// flows through, so the shares say what it passes, not where it comes from.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "model/graph/attribution_graph.h"
#include "model/graph/node.h"
#include "model/graph/pruning.h"

namespace cajal::graph {

// The nodes of one kind, layer and modality. Sums over cells are those of larger groups.
struct InfluenceCell {
  NodeKind kind = NodeKind::kFeature;  // features, errors and tokens; logits have no influence
  int32_t layer = 0;                   // -1 for tokens
  bool is_image = false;               // at image soft tokens; else text
  int32_t n_nodes = 0;
  int32_t n_kept_nodes = 0;  // by the pruning
  double share = 0;          // of the influence of all nodes; all cells add up to 1
  double kept_share = 0;     // the part of `share` at kept nodes
};

// Cells without nodes are left out. By kind, then layer, then text before image. Shares are 0 in a
// graph without influence.
std::vector<InfluenceCell> InfluenceShares(const AttributionGraph& graph,
                                           const PruningResult& pruning);

}  // namespace cajal::graph
