// Cajal's own file of a graph (proto/cajal/v1/graph_file.proto): the wire's messages, one after the
// other.
//
// Everything that a graph has is in it, with its annotations; but for the vectors of directions,
// which a graph does not keep, and bytes of texts that are not UTF-8, which become U+FFFD. Pure
// functions; any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/graph/annotations.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/graph_summary.h"
#include "model/graph/import_limits.h"
#include "model/graph/text_sink.h"
#include "server/graph_conversion.h"

namespace cajal::server {

// The first bytes of the file.
inline constexpr char kGraphFileMagic[] = "CAJALGR1";

// Hands the file on in pieces. `messages` are the graph's, none taken yet, of GRAPH_VIEW_FULL;
// their pruning says which nodes and edges are marked as kept. Fails as the sink does.
absl::Status WriteGraphFile(const graph::AttributionGraph& graph,
                            const graph::Annotations& annotations, GraphMessages messages,
                            const graph::TextSink& sink);

// The graph of a file, with what it took to compute and what people added.
struct ReadGraph {
  graph::AttributionGraph graph;
  graph::GraphCost cost = {};
  graph::Annotations annotations = {};
};

// Reads record by record. Errors are INVALID_ARGUMENT with the field at fault: MALFORMED_GRAPH,
// NOT_LAYER_ORDERED, GRAPH_TOO_LARGE (circuit_tracer_import.h says when).
absl::StatusOr<ReadGraph> ReadGraphFile(const std::string& path, const graph::ImportLimits& limits);

}  // namespace cajal::server
