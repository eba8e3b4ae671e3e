// The scores of a stored graph and of its parts, as plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cpp/graph.h"
#include "client/cpp/prune.h"

namespace cajal::client {

struct ScoreGraphRequest {
  std::string name = {};  // "graphs/{id}"
  PruneOptions prune = {};
  // The features of the pinned subgraph: ids or names of sets, as FindPathsRequest::source_ids.
  std::vector<std::string> pinned_ids = {};
};

// circuit-tracer's compute_graph_scores; both in [0, 1].
struct GraphScores {
  double replacement = 0;
  double completeness = 0;
};

// The influence at the nodes of one kind, layer and modality. Shares add up over groups.
struct InfluenceShare {
  NodeKind kind = NodeKind::kFeature;
  int32_t layer = 0;      // -1 for tokens
  bool is_image = false;  // at image soft tokens
  int32_t n_nodes = 0;
  int32_t n_kept_nodes = 0;
  double share = 0;       // of the influence of all nodes
  double kept_share = 0;  // the part of it at kept nodes
};

// Figures of a walk from a logit back to its origins; docs/graphs.md defines them.
struct PathStatistics {
  double mean_depth = 0;            // edges
  double mean_layer_span = 0;       // layers
  double mean_token_distance = 0;   // positions
  double contribution_entropy = 0;  // nats
  double top_path_share = 0;
};

struct ScoredGraph {
  GraphScores whole;
  GraphScores pruned;                 // what pruning keeps, as if it were all
  GraphScores pruned_merged;          // dropped features count as errors of their places
  std::optional<GraphScores> pinned;  // of what pruning keeps, what is not pinned counts as error
  double additivity_max_relative_error = 0;
  int32_t additivity_worst_row = -1;  // node index
  PruneOptions prune;                 // defaults filled in
  int32_t n_kept_nodes = 0;
  int64_t n_kept_edges = 0;
  std::vector<InfluenceShare> shares;
  PathStatistics paths;       // through the whole graph
  PathStatistics kept_paths;  // through what pruning keeps
};

}  // namespace cajal::client
