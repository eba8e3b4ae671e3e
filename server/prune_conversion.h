// Prunings as messages and as plain structs. Pure functions; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "cajal/v1/graph.pb.h"
#include "model/graph/pruning.h"

namespace cajal::server {

// Checked as far as that needs no graph; errors name fields below "prune".
absl::StatusOr<graph::PruningOptions> FromProto(const v1::PruneOptions& proto);

// Whether a request says how to prune.
bool AsksForPruning(const v1::PruneOptions& proto);

// With the defaults filled in, the ends of a graph's layers and positions among them.
v1::PruneOptions ToProto(const graph::PruningOptions& options,
                         const graph::AttributionGraph& graph);

// graph::PruneGraph, with errors that name fields below "prune".
absl::StatusOr<graph::PruningResult> Prune(const graph::AttributionGraph& graph,
                                           const graph::PruningOptions& options);
// The same, but graph::KeepImported for an imported graph unless `prunes_imported`.
absl::StatusOr<graph::PruningResult> PruneOrKeepImported(const graph::AttributionGraph& graph,
                                                         const graph::PruningOptions& options,
                                                         bool prunes_imported);

}  // namespace cajal::server
