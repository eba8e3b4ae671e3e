#include "server/signals.h"

#include <unistd.h>

#include <thread>
#include <utility>

namespace cajal::server {

Signals::Signals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
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

}  // namespace cajal::server
