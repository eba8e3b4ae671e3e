// absl::Status as it travels: the gRPC status, its google.rpc details, and the retry pushback.
//
// Details that are sent: ErrorInfo when there is a reason, BadRequest when a field is at fault,
// ResourceInfo when a resource is missing, RetryInfo when a retry can help. They stay below 4 KiB,
// because gRPC replaces a status whose metadata exceed 8 KiB. Pure functions; any thread.
#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace cajal::server {

// ErrorInfo.domain of every error of ours.
inline constexpr char kErrorDomain[] = "cajal.dev";

// Whether a status may be shown as it is. INTERNAL and UNKNOWN are our bugs: their messages are for
// the log.
bool IsOurBug(const absl::Status& status);

// `id` names the call or job in the log; it takes the place of the message of our bugs.
google::rpc::Status ToRpcStatus(const absl::Status& status, const std::string& id);
// The same with the serialised google.rpc.Status as details; no details for OK.
grpc::Status ToGrpcStatus(const absl::Status& status, const std::string& id);

// Value of the trailer `grpc-retry-pushback-ms`: milliseconds to wait, -1 = do not retry, for codes
// that clients commonly retry; nothing for the others.
std::optional<int> RetryPushbackMs(const absl::Status& status);

}  // namespace cajal::server
