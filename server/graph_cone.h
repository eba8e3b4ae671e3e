// FindCone as a plain function: from the request and a graph to the response. No gRPC; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "cajal/v1/graph_service.pb.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"

namespace cajal::server {

// What can be said without the graph. Errors name the field.
absl::Status CheckConeRequest(const v1::FindConeRequest& request);

// Prunes, follows the edges, sorts. `request` has passed the check. INVALID_ARGUMENT for an id that
// the graph does not have, or a set without nodes.
absl::StatusOr<v1::FindConeResponse> AnswerFindCone(const graph::AttributionGraph& graph,
                                                    const graph::SupernodeForest& supernodes,
                                                    const v1::FindConeRequest& request);

}  // namespace cajal::server
