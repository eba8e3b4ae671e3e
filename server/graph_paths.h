// FindPaths as a plain function: from the request and a graph to the response. No gRPC; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "cajal/v1/graph_service.pb.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"

namespace cajal::server {

// What can be said without the graph: numbers of ids, max_paths, prune. Errors name the field.
absl::Status CheckPathsRequest(const v1::FindPathsRequest& request);

// Fills in the defaults, prunes, searches. INVALID_ARGUMENT for an id that the graph does not have.
absl::StatusOr<v1::FindPathsResponse> AnswerFindPaths(const graph::AttributionGraph& graph,
                                                      const graph::SupernodeForest& supernodes,
                                                      const v1::FindPathsRequest& request);

}  // namespace cajal::server
