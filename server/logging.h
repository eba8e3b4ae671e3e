// The log: spdlog to stderr, written by a thread of its own, because callers include gRPC's
// callback threads. gRPC's and Protobuf's own messages go there too.
#pragma once

#include <string>

namespace cajal::server {

// `level`: "debug", "info", "warn" or "error". Call once, before gRPC is used.
void SetUpLogging(const std::string& level);
// Writes what waits. Call once, last.
void ShutDownLogging();

}  // namespace cajal::server
