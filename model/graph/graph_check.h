// Whether an AttributionGraph keeps the promises of attribution_graph.h.
//
// The engine's own graphs do; what comes from a file, a database or an import is checked before
// anything computes with it. Pure functions; any thread.
#pragma once

#include "absl/status/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

// Sizes, ranges, order and finiteness of everything, then CheckLayerOrder. Linear in nodes and
// edges. Errors are INVALID_ARGUMENT with reason MALFORMED_GRAPH and the member at fault as the
// field ("active_features[12]").
absl::Status CheckGraph(const AttributionGraph& graph);

// Whether every edge runs forward: into a feature from tokens, and from features and errors of
// lower layers; into a logit from anything but logits; into errors and tokens never. This is what
// makes influence a single pass. Takes row_begin, the columns' range and their ascending order for
// granted and so looks at few edges of each row. The reason of its error is NOT_LAYER_ORDERED.
absl::Status CheckLayerOrder(const AttributionGraph& graph);

}  // namespace cajal::graph
