// From a graph and what is asked of it to the runs that tell, and from what they have measured to
// the comparison. Pure functions; no torch; any thread. A plan of a large graph takes seconds: it
// prunes the graph once for each threshold and goes over all edges once for each 16 ablated nodes.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "model/graph/attribution_graph.h"
#include "model/intervention/validation.h"

namespace cajal::intervention {

// What can be said of a request without the graph. INVALID_ARGUMENT names a field: "edges",
// "nodes", "sample.edges", "sample.nodes", "faithfulness.thresholds[i]",
// "faithfulness.edge_threshold".
absl::Status CheckValidation(const ValidationRequest& request);

// vocab_size: of the graph's model. INVALID_ARGUMENT names "edges[i].source", "edges[i].target" or
// "edges[i]" for a node that cannot be ablated, a target that cannot be measured
// (DIRECTION_NOT_KEPT: the graph does not keep the vectors of directions) or an edge that the graph
// does not have; "nodes" for a node that cannot be ablated, or when there are more than
// kMaxAblations in all; "settings.zero_positions" when they are not the graph's; "graph",
// IMPORTED_GRAPH, for one that does not hold what the prompt has; "sample" when there is nothing to
// measure. Else CheckValidation's, PruneGraph's and TotalEffects' errors.
absl::StatusOr<ValidationPlan> PlanValidation(const graph::AttributionGraph& graph,
                                              const ValidationRequest& request, int64_t vocab_size);

// `runs`: of plan.runs. `graph`: the plan's.
ValidationResult CompareWithGraph(const graph::AttributionGraph& graph, const ValidationPlan& plan,
                                  const AblationResult& runs);

}  // namespace cajal::intervention
