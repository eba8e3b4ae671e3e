// Sending a file in parts, so that it may be larger than one message.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cajal/v1/graph_import.pb.h"
#include "client/cpp/client_options.h"
#include "client/cpp/graph.h"

namespace cajal::client {

// Sends one part; `done` gets the answer.
using SendPart = std::function<void(
    v1::ImportGraphRequest, std::function<void(absl::StatusOr<v1::ImportGraphResponse>)> done)>;

// Reads the file part by part and sends each when the one before is answered. `done` is called
// once. INVALID_ARGUMENT when the file cannot be read or is empty; the server's errors; INTERNAL
// (BROKEN_ANSWER) when the server goes backwards again and again.
void SendFile(const ImportGraphRequest& request, const SendPart& send,
              const std::function<void(const Progress&)>& on_progress,
              std::function<void(absl::StatusOr<GraphInfo>)> done);

}  // namespace cajal::client
