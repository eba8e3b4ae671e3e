// A graph with its place in the store: what a CreateGraph job makes and what GetGraph reads.
#pragma once

#include "model/graph/attribution_graph.h"
#include "model/graph/graph_store.h"

namespace cajal::server {

struct StoredGraph {
  graph::GraphRecord record;
  graph::AttributionGraph graph;
};

}  // namespace cajal::server
