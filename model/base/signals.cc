#include "model/base/signals.h"

#include <unistd.h>

#include <csignal>
#include <thread>
#include <utility>

namespace cajal {

Signals::Signals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  // A file size limit is then an error of the write, which is reported as a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
}

void Signals::Listen(std::function<void()> on_first) {
  std::thread([signals = signals_, on_first = std::move(on_first)] {
    int signal = 0;
    sigwait(&signals, &signal);
    on_first();
    sigwait(&signals, &signal);
    _exit(1);
  }).detach();
}

}  // namespace cajal
