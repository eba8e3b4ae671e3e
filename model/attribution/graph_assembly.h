// Rows in the order they were computed become a graph in circuit-tracer's node order.
#pragma once

#include <deque>

#include "model/attribution/row_sweep.h"
#include "model/attribution/source_table.h"
#include "model/attribution/targets.h"
#include "model/graph/attribution_graph.h"

namespace cajal::attribution {

// Nodes are the features that have a row, all errors, all tokens, and the targets. Columns of other
// features are dropped; additivity is judged before that, on the complete rows.
graph::AttributionGraph AssembleGraph(const SourceTable& sources, const Targets& targets,
                                      const std::deque<RowBatch>& batches);

}  // namespace cajal::attribution
