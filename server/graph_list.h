// ListGraphs' request and answer as plain values. No gRPC; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "cajal/v1/graph_service.pb.h"
#include "model/graph/graph_record.h"

namespace cajal::server {

// INVALID_ARGUMENT names the field ("filter.created_from").
absl::StatusOr<graph::GraphFilter> FromProto(const v1::GraphFilter& filter);

v1::ListGraphsResponse ToProto(const graph::GraphPage& page);

}  // namespace cajal::server
