// Sets of nodes by name, for those who ask for paths and cones.
//
//   tokens · image · text   all tokens; those at image positions; the others
//   features · errors · logits
//   layers:3-5 · layers:3   the features of these layers, the ends included
//   a node's id             as node.h
//   a supernode's name      every node in it
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"

namespace cajal::graph {

// Whether the words above give this name a meaning in every graph: a supernode must not have it.
bool IsSetName(const std::string& name);

// The nodes of all `names` together, ascending, each once. Errors are InvalidField with
// "`field`[i]" for a name that says nothing in this graph.
absl::StatusOr<std::vector<int32_t>> NodesNamed(const AttributionGraph& graph,
                                                const SupernodeForest& supernodes,
                                                std::span<const std::string> names,
                                                const std::string& field);

}  // namespace cajal::graph
