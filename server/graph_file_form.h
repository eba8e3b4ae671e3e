// Cajal's own file of a graph (proto/cajal/v1/graph_file.proto): the wire's messages, one after the
// other.
//
// Everything that a graph has is in it, but the vectors of directions, which a graph does not keep,
// and bytes of texts that are not UTF-8, which become U+FFFD. Pure functions; any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/graph/import_limits.h"
#include "model/graph/pruning.h"
#include "model/graph/text_sink.h"
#include "server/stored_graph.h"

namespace cajal::server {

// The first bytes of the file.
inline constexpr char kGraphFileMagic[] = "CAJALGR1";

// Hands the file on in pieces. `prune`: says which nodes and edges are marked as kept. Fails as
// graph::PruneGraph and the sink do.
absl::Status WriteGraphFile(const std::shared_ptr<const StoredGraph>& graph,
                            const graph::PruningOptions& prune, const graph::TextSink& sink);

// The graph of a file, with what it took to compute.
struct ReadGraph {
  graph::AttributionGraph graph;
  graph::GraphCost cost;
};

// Reads record by record. Errors are INVALID_ARGUMENT with the field at fault: MALFORMED_GRAPH,
// NOT_LAYER_ORDERED, GRAPH_TOO_LARGE (circuit_tracer_import.h says when).
absl::StatusOr<ReadGraph> ReadGraphFile(const std::string& path, const graph::ImportLimits& limits);

}  // namespace cajal::server
