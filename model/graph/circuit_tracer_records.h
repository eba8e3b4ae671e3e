// The entries of circuit-tracer's JSON, `nodes` and `links`, as they stand there.
//
// Each is handed on as soon as it has been read and checked by itself; circuit_tracer_import.h
// makes a graph of them, and has the reasons of the errors.
#pragma once

#include <cstdint>
#include <istream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "model/base/status.h"
#include "model/graph/node.h"

namespace cajal::graph {

struct CircuitTracerNode {
  std::string id;
  NodeKind kind = NodeKind::kFeature;
  int32_t layer = 0;  // as in the file: -1 for tokens ("E"), n_layers + 1 for logits
  int32_t position = 0;
  int64_t index = 0;  // feature, token id, or -1 for errors
  std::string label;  // `clerp`
  float token_prob = 0;
  std::optional<float> influence;
  std::optional<float> activation;
};

struct CircuitTracerLink {
  std::string source;
  std::string target;
  float weight = 0;
};

// What takes the parts of a file, each of `metadata` and `qParams` at most once, and one record at
// a time. An error ends the reading.
class CircuitTracerSink {
 public:
  virtual ~CircuitTracerSink() = default;
  virtual absl::Status Metadata(nlohmann::json metadata) = 0;
  virtual absl::Status QParams(nlohmann::json q_params) = 0;
  // `field` names the record in errors: "nodes[12]".
  virtual absl::Status Node(CircuitTracerNode node, const std::string& field) = 0;
  virtual absl::Status Link(const CircuitTracerLink& link, const std::string& field) = 0;
};

enum class CircuitTracerParts { kAll, kLinks };

// Reads a document's parts into `sink`. Links that come before the nodes have ended are left out of
// kAll: their ends cannot be known yet. Returns whether there were any; kLinks then hands them on.
absl::StatusOr<bool> ReadCircuitTracerRecords(std::istream& stream, CircuitTracerParts parts,
                                              CircuitTracerSink& sink);

}  // namespace cajal::graph
