// A WatchGraphs call that outlives its connections: when one breaks, the next goes on after the
// last change that was handed over, once the server is there again.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "cajal/v1/graph_service.grpc.pb.h"
#include "client/cpp/call.h"
#include "client/cpp/graph_list.h"

namespace cajal::client {

// `done` is called once, at the end. `environment` and `graphs` outlive the call.
void StartGraphWatch(CallEnvironment* environment, v1::GraphService::Stub* graphs,
                     WatchGraphsRequest request, const CallOptions& options,
                     std::function<void(absl::Status)> done);

}  // namespace cajal::client
