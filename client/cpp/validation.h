// Validation: what a stored graph predicts, against runs of the model without its nodes.
//
//   cc::ValidateRequest request{.graph = "graphs/7f3a"};
//   absl::StatusOr<cc::ValidationResult> result = client->ValidateEdges(request);
//   result->frozen_edges.slope …; result->curve->alone_area …
//   for (const intervention::Effect& effect : result->edges) {
//     result->nodes[effect.nodes.source].id …; effect.frozen - effect.direct …
//   }
//
// The structs of model/intervention/validation.h say what the fields mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cpp/graph.h"
#include "client/cpp/model.h"
#include "client/cpp/prompt.h"
#include "model/intervention/run_settings.h"
#include "model/intervention/validation.h"

namespace cajal::client {

// An edge of a graph, by circuit-tracer's ids of its nodes.
struct EdgeIds {
  std::string source;  // a feature, an error or a token
  std::string target;  // a feature or a logit
};

struct FaithfulnessSettings {
  bool omit = false;                          // no circuits
  std::vector<double> thresholds = {};        // empty = the server's
  std::optional<double> edge_threshold = {};  // default: 0.98
  bool ablate_errors = false;
  std::string token = {};  // the answer; empty = the graph's first logit that is a token
};

struct ValidateRequest {
  std::string graph;  // "graphs/{id}"
  std::optional<Prompt> prompt =
      {};  // needed for a graph with pictures; else its tokens are enough
  std::vector<EdgeIds> edges = {};
  std::vector<std::string> nodes = {};  // ids, supernodes, sets; their effects on the logits
  // Not set: none if edges or nodes are listed, else the server's default.
  std::optional<intervention::ValidationSample> sample = {};
  intervention::RunSettings settings = {};  // of the unfrozen runs and the circuits'
  FaithfulnessSettings faithfulness = {};
};

struct ValidationResult {
  std::string job;    // "jobs/{id}"
  std::string graph;  // "graphs/{id}"
  int32_t n_ablations = 0;
  std::vector<PathNode> nodes;  // which effects name by their index here
  std::vector<intervention::Effect> edges;
  std::vector<intervention::Effect> node_effects;  // of each node on each logit
  intervention::EffectFit frozen_edges;
  intervention::EffectFit unfrozen_edges;
  intervention::EffectFit frozen_nodes;
  intervention::EffectFit unfrozen_nodes;
  intervention::EffectFit frozen_all;  // of all edges that start from an ablated node
  double largest_unpredicted = 0;
  double activation_deviation = 0;
  std::optional<intervention::FaithfulnessCurve> curve;
  std::vector<PhaseTime> phases;
  double seconds = 0;  // from the job's start, waiting excluded
};

}  // namespace cajal::client
