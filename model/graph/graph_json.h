// The parts of a graph that are no arrays, as JSON text: in a graph file's metadata and in the
// store's table. Written by Cajal for Cajal; circuit_tracer_json.h is the format for others.
//
// Reading takes text from anywhere: what is missing, of a wrong type or out of range is an
// INVALID_ARGUMENT that names the key. Strings survive to the byte, also where they are not valid
// UTF-8 (a token may be half a character): those are written as {"hex": "…"}.
#pragma once

#include <string>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/graph_summary.h"

namespace cajal::graph {

// Everything of a graph but nodes and edges, and the texts of the logits.
std::string MetadataToJson(const AttributionGraph& graph);
// Fills these members in. `graph->logits` gets entries with texts alone.
absl::Status MetadataFromJson(const std::string& text, AttributionGraph* graph);

std::string SummaryToJson(const GraphSummary& summary);
absl::StatusOr<GraphSummary> SummaryFromJson(const std::string& text);

}  // namespace cajal::graph
