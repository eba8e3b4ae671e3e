// What the graph page holds of a graph: as much as its sliders can show.
//
// The page prunes by itself, exactly as pruning.h does, whatever its sliders say. For that it needs
// more than a pruned view: at a node threshold t the edges are scored anew among the nodes that t
// keeps, the weak ones included. So the page holds the nodes that some threshold keeps, its reach,
// and all edges among them; every threshold up to the reach can then be shown without the rest of
// the graph. The reach is the largest whose nodes and edges stay within PageLimits, 1 for graphs
// that fit as a whole.
//
// The JSON is documented where it is read, web/graph_page/graph_data.js. Pure functions; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

struct PageLimits {
  int32_t max_nodes = 3000;       // features and errors; tokens and logits always come along
  int64_t max_edges = 1'000'000;  // 8 bytes each in the page
};

struct PageReach {
  std::vector<int32_t> nodes;  // ascending node indices
  double node_threshold = 1;   // the largest that can be shown. [0, 1]
  int64_t n_edges = 0;         // among `nodes`
  // [n_nodes]: a threshold t keeps a feature or error when kept_above < t, or when it is 0; 2 for
  // nodes without influence, which no threshold keeps.
  std::vector<double> kept_above;
};

// Fails with CheckLayerOrder's error, and with FAILED_PRECONDITION, PAGE_TOO_LARGE, when tokens and
// logits alone exceed the limit of edges, or what a page can number (65535 nodes).
absl::StatusOr<PageReach> FindPageReach(const AttributionGraph& graph, const PageLimits& limits);

struct PageOptions {
  std::string name;                 // what the page calls the graph
  std::string generator_version;    // Cajal's own
  int64_t create_time_unix_ms = 0;  // 0 = not known
  // Where the sliders stand at first; a node threshold beyond the reach becomes the reach.
  double node_threshold = 0.8;
  double edge_threshold = 0.98;
  // Labels, pins and supernodes, as the JSON that is stored with the graph: {"labels": {ID: TEXT},
  // "pins": [ID], "supernodes": [{"name": TEXT, "members": [ID]}]}. Empty, or no JSON object: none.
  std::string annotations;
  PageLimits limits;
};

// Thresholds within [0, 1], else InvalidField; FindPageReach's errors. ASCII, and without the
// character '<', so that no text of the graph can end the element that holds it.
absl::StatusOr<std::string> PageData(const AttributionGraph& graph, const PageOptions& options);

}  // namespace cajal::graph
