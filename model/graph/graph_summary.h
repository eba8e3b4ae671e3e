// A graph without its arrays: what lists show, and what the store keeps beside the arrays so that
// listing reads no graph.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/base/run_context.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/scores.h"

namespace cajal::graph {

// What it took to compute a graph.
struct GraphCost {
  double seconds = 0;  // wall clock, waiting excluded
  std::vector<RunContext::PhaseSeconds> phases;
};

struct GraphSummary {
  std::string model_name;
  std::string transcoder_name;
  std::string prompt;
  int32_t n_positions = 0;
  int32_t n_layers = 0;
  GraphSettings settings;
  std::vector<LogitNode> logits;
  int64_t n_active_features = 0;
  int32_t n_selected_features = 0;
  int32_t n_nodes = 0;
  int64_t n_edges = 0;
  GraphScores scores;
  Additivity additivity;
  GraphCost cost;
  bool is_imported = false;  // AttributionGraph.imported is set: figures are of that part
};

GraphSummary Summarize(const AttributionGraph& graph, const GraphScores& scores,
                       const GraphCost& cost);

}  // namespace cajal::graph
