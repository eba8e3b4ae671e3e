// Reads circuit-tracer's JSON: what circuit_tracer_json.h writes, circuit-tracer itself, and the
// services that share its format.
//
// What a file holds is the part that pruning kept. The graph made of it has these nodes and edges
// and no others, and `imported` keeps what the file says besides (imported_part.h). Not in the
// format, and so 0 or empty in the graph: the model's name, biases, pre-activations, additivity,
// features that were active and not selected, the targets' definitions. Image runs are taken to be
// the stretches of `<image_soft_token>`.
//
// Both spellings of error nodes are read, `{layer}_-1_{position}` and release 0.4.1's
// `0_{layer}_{position}`. The second is the name of a feature of layer 0 too: a file that has both
// is refused, since nobody can tell which of them its links mean.
//
// Errors are INVALID_ARGUMENT with reason and field:
//   MALFORMED_GRAPH    no JSON, cut off, a value missing or of a wrong type or out of range, an id
//                      twice, a link to a node that is not there
//   NOT_LAYER_ORDERED  a link that runs backwards, so also every cycle
//   GRAPH_TOO_LARGE    more than the limits allow
//   UNSUPPORTED_GRAPH  nodes of a kind that Cajal does not have
#pragma once

#include <istream>

#include "model/base/status.h"
#include "model/graph/annotations.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/import_limits.h"

namespace cajal::graph {

struct CircuitTracerImport {
  AttributionGraph graph;
  // Pins and groups of `qParams` (q_params.h), and as labels the `clerp` of nodes that are no
  // logits. Passes CheckAnnotations: labels that are longer than it allows are left out, and all
  // labels, then all groups, if the whole would be too long.
  Annotations annotations;
};

// `stream` must be seekable: links that come before the nodes need a second look. Reads piece by
// piece and holds the graph's parts alone, never the text. One thread.
absl::StatusOr<CircuitTracerImport> ReadCircuitTracerJson(std::istream& stream,
                                                          const ImportLimits& limits);

}  // namespace cajal::graph
