#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "client/cli/interrupt.h"
#include "client/cli/run_cajal.h"

int main(int argc, char** argv) {
  cajal::cli::Console console{
      .out = &std::cout, .err = &std::cerr, .err_is_terminal = ::isatty(STDERR_FILENO) == 1};
  cajal::cli::CancelOnInterrupt(console.cancellation);
  const int exit_code =
      cajal::cli::RunCajal(std::vector<std::string>(argv + 1, argv + argc), console);
  std::cout.flush();
  return exit_code;
}
