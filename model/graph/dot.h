// A pruned graph as Graphviz DOT, to be drawn: `dot -Tsvg graph.dot`.
//
// Layers lie above each other as circuit-tracer's page shows them, tokens at the bottom and logits
// at the top. Features are ellipses, errors diamonds, tokens and logits boxes. Edges are blue where
// the source speaks for its target and red where it speaks against it; the strongest edge is the
// thickest. Bytes that are not UTF-8, and control characters, become U+FFFD.
#pragma once

#include "absl/status/status.h"
#include "model/graph/exported_part.h"
#include "model/graph/text_sink.h"

namespace cajal::graph {

// Fails only as the sink does.
absl::Status WriteDot(const ExportedPart& part, const TextSink& sink);

}  // namespace cajal::graph
