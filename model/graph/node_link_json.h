// A pruned graph as node-link JSON, which networkx and D3 read:
//
//   with open("graph.json") as file:
//       graph = networkx.node_link_graph(json.load(file), edges="edges")
//
//   {"directed": true, "multigraph": false,
//    "graph": {"name", "model", "transcoders", "prompt", "n_layers", "n_positions",
//              "node_threshold", "edge_threshold", "replacement_score", "completeness_score"},
//    "nodes": [{"id", "kind", "layer", "position", "index", "token", "influence", …}, …],
//    "edges": [{"source", "target", "weight"}, …]}
//
// Features have `activation` and `pre_activation`, logits `weight` and `pre_activation` besides.
// Nodes come in Cajal's node order, edges by ascending (target, source). Numbers are those of the
// float32 values, to the bit. Bytes that are not UTF-8 become U+FFFD.
#pragma once

#include "absl/status/status.h"
#include "model/graph/exported_part.h"
#include "model/graph/text_sink.h"

namespace cajal::graph {

// Fails only as the sink does.
absl::Status WriteNodeLinkJson(const ExportedPart& part, const TextSink& sink);

}  // namespace cajal::graph
