// Which tokens of the prompt some nodes of a graph go back to.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

// The influence that reaches each position's token node from `nodes`, along normalised edges as
// influence.h has them: [n_positions], >= 0. Logits start with their weight, other nodes with their
// influence on the answer, or with 1 each where all of these are 0. What flows into error nodes
// ends there. Fails with CheckLayerOrder's error.
absl::StatusOr<std::vector<double>> InfluenceOnTokens(const AttributionGraph& graph,
                                                      std::span<const int32_t> nodes);

}  // namespace cajal::graph
