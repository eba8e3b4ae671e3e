// The whole `cajal` program but for main: from arguments to exit code.
#pragma once

#include <string>
#include <vector>

#include "client/cli/console.h"

namespace cajal::cli {

enum ExitCode {
  kExitDone = 0,
  kExitFailed = 1,  // the server refused or failed, or a result could not be written
  kExitWrongUsage =
      2,  // wrong flags, unreadable inputs, unwritable outputs; nothing was asked of the server
};

// `arguments` without the program's name: {"--server", "gpu-box:50051", "info"}. Reads CAJAL_SERVER
// from the environment. Never throws.
int RunCajal(const std::vector<std::string>& arguments, const Console& console);

}  // namespace cajal::cli
