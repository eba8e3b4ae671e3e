// What node_link_json.h, graphml.h and dot.h write: the part of a graph that a pruning keeps, node
// by node in words that need no knowledge of Cajal's node order.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/graph/attribution_graph.h"
#include "model/graph/node.h"
#include "model/graph/pruning.h"
#include "model/graph/scores.h"

namespace cajal::graph {

// The references must outlive it.
struct ExportedPart {
  const AttributionGraph& graph;
  const PruningResult& pruning;  // of `graph`
  GraphScores scores;            // of the unpruned graph
  std::string name;              // the graph's, for who opens the file
};

struct ExportedNode {
  std::string id;  // NodeId
  NodeKind kind = NodeKind::kFeature;
  int32_t layer = 0;     // as NodeAddress
  int32_t position = 0;  // as NodeAddress
  int64_t index = 0;     // as NodeAddress
  std::string token;     // the text at the position; of logits their own
  float influence = 0;   // PruningResult.node_influence
  // Set where they mean something: of features, of logits, and of features and logits.
  std::optional<float> activation;
  std::optional<float> weight;
  std::optional<float> pre_activation;
};

ExportedNode DescribeNode(const ExportedPart& part, int32_t node);

// "feature", "error", "token" or "logit".
const char* KindName(NodeKind kind);

// What there is to say of the graph as a whole.
struct GraphAttribute {
  const char* name = "";
  std::variant<std::string, int64_t, double> value;
};
std::vector<GraphAttribute> DescribeGraph(const ExportedPart& part);

}  // namespace cajal::graph
