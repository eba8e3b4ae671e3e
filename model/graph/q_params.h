// Annotations as circuit-tracer's JSON has them: pins and groups in `qParams`. Labels are not here:
// they are the nodes' `clerp`.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "model/graph/annotations.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/pruning.h"

namespace cajal::graph {

// `qParams` of a file with the nodes that `pruning` keeps: pins and members that it drops are left
// out. Groups of the format do not nest: the nodes of a supernode's supernodes become its own.
// `annotations` are the graph's (CheckAnnotations).
nlohmann::ordered_json QParamsOf(const AttributionGraph& graph, const PruningResult& pruning,
                                 const Annotations& annotations);

// The node that a file calls so.
using NodeOfId = std::function<std::optional<int32_t>(const std::string&)>;

// Pins and supernodes of a file's `qParams`. What Cajal does not allow is left out: ids that are no
// nodes, and groups that have no members or share one with an earlier group. Names of groups are
// cut, freed of commas and control characters, and made distinct by numbers.
Annotations AnnotationsFromQParams(const AttributionGraph& graph, const nlohmann::json& q_params,
                                   const NodeOfId& node_of_id);

}  // namespace cajal::graph
