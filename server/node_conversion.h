// Single nodes on the wire: named by callers, put into words for them. No gRPC; any thread.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cajal/v1/graph_service.pb.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"

namespace cajal::server {

// What can be said of ids and names of sets without the graph: at most 10000 of them.
absl::Status CheckNodeIds(const google::protobuf::RepeatedPtrField<std::string>& ids,
                          const std::string& field);

// The nodes of all ids and sets (model/graph/node_set.h) together, ascending, each once.
// INVALID_ARGUMENT names "`field`[i]".
absl::StatusOr<std::vector<int32_t>> NodesFromProto(
    const graph::AttributionGraph& graph, const graph::SupernodeForest& supernodes,
    const google::protobuf::RepeatedPtrField<std::string>& ids, const std::string& field);

// node: [0, graph.n_nodes()).
v1::PathNode ToPathNode(const graph::AttributionGraph& graph, int32_t node);

}  // namespace cajal::server
