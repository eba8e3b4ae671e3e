// From gRPC's statuses to absl's, details included; and the library's own errors.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"

namespace cajal::client {

// Code and message as they are; each detail becomes a payload under its type URL.
absl::Status FromRpcStatus(const google::rpc::Status& status);

// The outcome of a call to `server` with time limit `timeout`. Where the failure arose on this side
// (no connection, broken connection, time limit, cancellation), message and reason say so in words.
absl::Status FromGrpcStatus(const grpc::Status& status, const std::string& server,
                            const std::string& method, absl::Duration timeout);

// `status` with an ErrorInfo of the library's own.
absl::Status WithReason(absl::Status status, const std::string& reason);

// An answer that contradicts itself: INTERNAL, BROKEN_ANSWER.
absl::Status BrokenAnswer(const std::string& what);

}  // namespace cajal::client
