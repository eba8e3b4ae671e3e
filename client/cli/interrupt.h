// Ctrl-C for a command that waits for a server: the first stops the work there, the second leaves.
#pragma once

#include <memory>

#include "client/cpp/cancellation.h"

namespace cajal::cli {

// Blocks SIGINT and SIGTERM for the calling thread and all that it starts later, and waits for
// them on a thread of its own until the process ends. So call it first in main, before gRPC has
// started its threads.
//
// First signal: says so on stderr and cancels `cancellation`. Second: _exit(1).
void CancelOnInterrupt(std::shared_ptr<client::Cancellation> cancellation);

}  // namespace cajal::cli
