// One call of ValidateEdges: predictions of a graph against what runs of the model say. Plain
// values; no torch. docs/validation.md has the formulas.
//
//   ASSIGN_OR_RETURN(ValidationPlan plan, PlanValidation(graph, request, limits));  // any thread
//   ASSIGN_OR_RETURN(AblationResult runs, engine.MeasureAblations(prompt, plan.runs, &context));
//   ValidationResult result = CompareWithGraph(graph, plan, runs);                  // any thread
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/intervention/ablation.h"
#include "model/intervention/effect_fit.h"
#include "model/intervention/outcome.h"
#include "model/intervention/run_settings.h"
#include "model/intervention/weighted_sample.h"

namespace cajal::intervention {

// Which edges and nodes to look at, when the caller does not list them.
struct ValidationSample {
  int32_t n_edges = 100;  // drawn by |weight|
  int32_t n_nodes = 20;   // drawn by influence
  SampleBy by = SampleBy::kWeight;
  uint64_t seed = 0;
  // What the edges may start from, and what the nodes may be.
  bool features = true;
  bool errors = false;
  bool tokens = false;
};

inline constexpr int32_t kMaxValidatedEdges = 10'000;
inline constexpr int32_t kMaxValidatedNodes = 1000;
inline constexpr int32_t kMaxAblations = 1000;  // different nodes, of both
inline constexpr int32_t kMaxThresholds = 100;

// How the model does with a part of the graph, and without it.
struct FaithfulnessOptions {
  // Circuits: for each of these the nodes that pruning keeps with it as node_threshold. In (0, 1].
  // Empty = no curve.
  std::vector<double> thresholds;
  double edge_threshold = 0.98;  // of the same prunings. [0, 1]
  bool ablate_errors = false;    // whether errors belong to circuits as features do
  std::string token;             // the answer. Empty = the graph's first logit that is a token
};

// Two nodes by their indices in the graph.
struct NodePair {
  int32_t source = 0;
  int32_t target = 0;

  bool operator==(const NodePair&) const = default;
};

struct ValidationRequest {
  std::vector<NodePair> edges;
  std::vector<int32_t> nodes;  // whose effects on the logits are looked at
  std::optional<ValidationSample> sample;
  RunSettings run;  // of the unfrozen runs
  FaithfulnessOptions faithfulness;
};

// What ablating `source` does to `target`: changes of a pre-activation or of demeaned logits.
struct Effect {
  NodePair nodes;
  float direct = 0;    // predicted: -A[target, source]
  float frozen = 0;    // measured
  float total = 0;     // predicted: minus the total effect (graph/total_effects.h)
  float unfrozen = 0;  // measured
};

struct FaithfulnessPoint {
  double threshold = 0;  // 0: the empty circuit
  int32_t n_features = 0;
  int32_t n_errors = 0;
  CircuitScore scores;
  // (P - P of the empty circuit) / (P of the clean run - P of the empty circuit), P the answer's
  // probability. Not set where the two ends are alike.
  std::optional<double> alone;
  std::optional<double> without;
};

struct FaithfulnessCurve {
  int64_t token_id = 0;
  std::string token;
  int32_t position = 0;
  TokenScore clean;
  std::vector<FaithfulnessPoint> points;  // by threshold, from 0
  // The mean over thresholds from 0 to 1 of `alone` and of `without`: 1 is best for one, 0 for the
  // other.
  std::optional<double> alone_area;
  std::optional<double> without_area;
};

struct ValidationResult {
  std::vector<Effect> edges;
  std::vector<Effect> nodes;  // of each node on each logit, node by node
  EffectFit frozen_edges;     // direct against frozen
  EffectFit unfrozen_edges;   // total against unfrozen
  EffectFit frozen_nodes;
  EffectFit unfrozen_nodes;
  // All edges that start from what was ablated, listed or not: direct against frozen.
  EffectFit frozen_all;
  // The largest frozen change of a target that the graph has no edge to.
  double largest_unpredicted = 0;
  int32_t n_ablations = 0;
  double activation_deviation = 0;  // AblationResult
  std::optional<FaithfulnessCurve> curve;
};

// What to run, and what the graph says to that.
struct ValidationPlan {
  AblationRequest runs;
  std::vector<int32_t> ablated;  // node of each ablation, ascending
  std::vector<int32_t> targets;  // node of each target, ascending: all features, measurable logits
  std::vector<Effect> edges;     // with their predictions
  std::vector<Effect> nodes;
  std::vector<FaithfulnessPoint> points;  // of the circuits; empty = no curve was asked for
};

}  // namespace cajal::intervention
