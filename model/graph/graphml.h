// A pruned graph as GraphML, which networkx (`networkx.read_graphml`), Gephi, yEd, igraph and R
// read.
//
// Attributes are those of node_link_json.h, with the same values. XML allows no control characters:
// they become U+FFFD, as do bytes that are not UTF-8. Written by libxml2, piece by piece.
#pragma once

#include "absl/status/status.h"
#include "model/graph/exported_part.h"
#include "model/graph/text_sink.h"

namespace cajal::graph {

// Fails only as the sink does, and with INTERNAL when libxml2 refuses a text.
absl::Status WriteGraphml(const ExportedPart& part, const TextSink& sink);

}  // namespace cajal::graph
