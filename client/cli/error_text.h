// Errors for the person who reads them at night: what happened, to which thing, what to do.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace cajal::cli {

// One or more lines, each ended. `command` ("cajal graph") begins the first one; advice follows,
// indented. `server` is the address in use.
//
//   cajal graph: no server answers at 127.0.0.1:50051 (… Connection refused)
//     Start one there:  cajald --model DIR --transcoders DIR --listen 127.0.0.1:50051
//     or name another with --server HOST:PORT or CAJAL_SERVER.
std::string ErrorText(const std::string& command, const std::string& server,
                      const absl::Status& status);

// The flag that sets a field of a request: "--node-threshold" for "prune.node_threshold". Empty
// when no flag does.
std::string FlagOfField(const std::string& field);

}  // namespace cajal::cli
