// The difference of two stored graphs as plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cpp/graph.h"

namespace cajal::client {

struct CompareGraphsRequest {
  std::string base = {};                 // "graphs/{id}", what is compared with
  std::string other = {};                // "graphs/{id}"
  std::optional<double> tolerance = {};  // [0.01] relative difference that is none
  PruneOptions prune = {};               // of both: what is kept decides about gained and lost
};

enum class Change {
  kSame,
  kChanged,  // kept in both, with another value
  kGained,   // kept in the other graph alone
  kLost,     // kept in the base alone
};

// What one of the graphs has of a node.
struct NodeSide {
  int32_t node_index = -1;  // -1: it has no such node; it may have one that it does not keep
  int32_t position = -1;
  float activation = 0;  // of features; probability of logits
  float influence = 0;
};

struct ComparedNode {
  Change change = Change::kSame;
  NodeKind kind = NodeKind::kFeature;
  int32_t layer = 0;  // -1 for tokens, n_layers for logits
  int32_t index = 0;  // feature's row of the transcoder; token id of tokens, logits; -1 for errors
  std::string token;  // at the position; of logits: the target
  NodeSide base;
  NodeSide other;
};

struct ComparedEdge {
  Change change = Change::kSame;
  int32_t source = 0;  // places in GraphComparison::nodes
  int32_t target = 0;
  float base_weight = 0;  // 0: it has no such edge
  float other_weight = 0;
};

// Positions that correspond one to one.
struct AlignedRun {
  int32_t base_begin = 0;
  int32_t other_begin = 0;
  int32_t length = 0;
  bool same_tokens = false;
};

struct GraphComparison {
  GraphInfo base;
  GraphInfo other;
  bool same_transcoders = false;      // by name; if not, equal features may mean different things
  std::vector<AlignedRun> alignment;  // ascending
  std::vector<ComparedNode> nodes;
  std::vector<ComparedEdge> edges;  // by ascending (target, source)
};

}  // namespace cajal::client
