// Runs `cajal` in this process, with strings for its streams.
#pragma once

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/run_cajal.h"

namespace cajal::client_test {

struct CommandResult {
  int exit_code = 0;
  std::string out;
  std::string err;
};

inline CommandResult RunCommand(const std::vector<std::string>& arguments,
                                cli::Console console = {}) {
  std::ostringstream out, err;
  console.out = &out;
  console.err = &err;
  const int exit_code = cli::RunCajal(arguments, console);
  return {exit_code, out.str(), err.str()};
}

}  // namespace cajal::client_test
