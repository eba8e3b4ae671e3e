// The whole of an imported graph as if it were a pruning: what its file lists, with the file's own
// influences, so that an export gives back what was imported.
#pragma once

#include <optional>
#include <string>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/pruning.h"

namespace cajal::graph {

// graph.imported is set. Thresholds of the result are 1; node_influence is that of the graph's own
// edges; cumulative_influence is the file's, -1 where it has none. Fails with CheckLayerOrder's
// error.
absl::StatusOr<PruningResult> KeepImported(const AttributionGraph& graph);

// The name that the file's metadata give the graph, if any.
std::optional<std::string> SlugOf(const ImportedPart& part);

}  // namespace cajal::graph
