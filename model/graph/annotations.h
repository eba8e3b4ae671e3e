// What people add to a graph: labels, pins, supernodes. Kept with the stored graph, as text.
//
// Pure functions; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"

namespace cajal::graph {

struct Annotations {
  std::map<std::string, std::string> labels;  // by node id
  std::vector<std::string> pins;              // node ids, in the order they were pinned
  std::vector<Supernode> supernodes;

  bool operator==(const Annotations&) const = default;
};

inline constexpr size_t kMaxLabelBytes = 1024;
// Of the JSON: what fits into one message with room to spare.
inline constexpr size_t kMaxAnnotationsBytes = 256 << 10;

// Errors are InvalidField with "annotations.labels[ID]", "annotations.pins[3]" or
// ResolveSupernodes' below "annotations.supernodes": a node that the graph does not have; a label
// that is empty or too long; a pin that stands twice; and "annotations" when their JSON is too
// long.
absl::Status CheckAnnotations(const AttributionGraph& graph, const Annotations& annotations);

// {"labels": {"3_77_21": "planet"}, "pins": ["3_77_21"], "supernodes": [{"name": "sky", "members":
// ["0_5_2", "0_9_2"]}]}: one line, the same for equal annotations. Strings must be UTF-8.
std::string AnnotationsToJson(const Annotations& annotations);

// Reads the same; a key that is missing is empty. INVALID_ARGUMENT names what is no JSON, of a
// wrong type, or a key that has no meaning here.
absl::StatusOr<Annotations> AnnotationsFromJson(const std::string& text);

}  // namespace cajal::graph
