// The connection of a Client.
#pragma once

#include <grpcpp/channel.h>

#include <memory>

#include "absl/status/status.h"
#include "client/cpp/client_options.h"

namespace cajal::client {

// INVALID_ARGUMENT when an option is out of its range; the message names it.
absl::Status CheckOptions(const ClientOptions& options);

// An insecure channel of its own (no sharing with other clients of the process), not yet connected.
std::shared_ptr<grpc::Channel> MakeChannel(const ClientOptions& options);

}  // namespace cajal::client
