#include "client/cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <string_view>
#include <thread>
#include <utility>

namespace cajal::cli {
namespace {

void Say(std::string_view text) {
  // Not through std::cerr, which the main thread may be using.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

void CancelOnInterrupt(std::shared_ptr<client::Cancellation> cancellation) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, cancellation = std::move(cancellation)] {
    int signal_number = 0;
    sigwait(&signals, &signal_number);
    Say("\ncajal: cancelling the call on the server; press Ctrl-C again to leave at once\n");
    cancellation->Cancel();
    sigwait(&signals, &signal_number);
    ::_exit(1);
  }).detach();
}

}  // namespace cajal::cli
