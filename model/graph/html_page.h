// A graph as one self-contained HTML file: the page of web/graph_page with the graph's data in it.
//
// The file asks the network for nothing, and a Content-Security-Policy forbids it to: only the
// script and the style that the build has put into it run, by their SHA-256. Texts of the graph are
// data to the page, never markup.
//
// Pure function; any thread.
#pragma once

#include <string>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/page_data.h"

namespace cajal::graph {

// Fails with PageData's errors.
absl::StatusOr<std::string> HtmlPage(const AttributionGraph& graph, const PageOptions& options);

}  // namespace cajal::graph
