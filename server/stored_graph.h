// A graph with its place in the store: what a CreateGraph job makes and what GetGraph reads.
#pragma once

#include <memory>
#include <utility>

#include "model/graph/attribution_graph.h"
#include "model/graph/graph_store.h"

namespace cajal::server {

struct StoredGraph {
  StoredGraph(graph::GraphRecord its_record, std::shared_ptr<const graph::AttributionGraph> opened)
      : record(std::move(its_record)), shared(std::move(opened)), graph(*shared) {}

  graph::GraphRecord record;
  std::shared_ptr<const graph::AttributionGraph> shared;  // with all who have the graph open
  const graph::AttributionGraph& graph;                   // *shared
};

}  // namespace cajal::server
