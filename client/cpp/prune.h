// How a graph is pruned, as plain values.
//
//   PruneOptions prune;                                            // circuit-tracer's 0.8 and 0.98
//   PruneOptions fewer{.node_threshold = 0.5};
//   PruneOptions image{.steps = {PlaceRule{.modality = Modality::kImage}, InfluenceRule{}}};
//
// Steps are applied one after the other; each works on what the one before has left, as if that
// were the whole graph. docs/graphs.md has the rules in full.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace cajal::client {

// Keeps what carries most of the influence on the logits; circuit-tracer's prune_graph.
struct InfluenceRule {
  std::optional<double> node_threshold = {};  // [0.8] share of the influence that kept nodes carry
  std::optional<double> edge_threshold = {};  // [0.98] share that kept edges carry
};

// Keeps edges with |weight| >= min_weight; finite, 0 and up.
struct WeightRule {
  double min_weight = 0;
};

// Keeps the strongest edges into each node, by |weight|; 1 and up.
struct TopSourcesRule {
  int32_t max_sources = 1;
};

enum class Modality { kAny, kText, kImage };

// Keeps features and errors of some layers at some positions, and the tokens there. Ranges include
// both ends.
struct PlaceRule {
  std::optional<int32_t> first_layer = {};     // [0]
  std::optional<int32_t> last_layer = {};      // [the last]
  std::optional<int32_t> first_position = {};  // [0]
  std::optional<int32_t> last_position = {};   // [the last]
  Modality modality = Modality::kAny;          // image soft tokens, or all other positions
};

using PruneStep = std::variant<InfluenceRule, WeightRule, TopSourcesRule, PlaceRule>;

// Which part of a graph is kept. Where no field is set, an imported graph (GraphInfo::is_imported)
// is taken as its file has it, which holds no more than what pruning kept; PruneGraph alone prunes
// it in any case.
struct PruneOptions {
  // Without steps: one InfluenceRule with these two. Not together with steps.
  std::optional<double> node_threshold = {};  // [0.8]
  std::optional<double> edge_threshold = {};  // [0.98]
  std::vector<PruneStep> steps = {};
  // Node ids as PathNode::id.
  std::vector<std::string> keep_ids = {};   // stay whatever a step says
  std::vector<std::string> logit_ids = {};  // influence is that on these alone; empty = all
};

}  // namespace cajal::client
