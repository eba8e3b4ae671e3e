// SIGTERM and SIGINT as events on a thread of their own.
//
// Nothing runs inside a signal handler: the signals are blocked in every thread and one thread
// waits for them. Make it before any other thread, so that all inherit the mask. The second signal
// ends the process at once, with exit code 1.
#pragma once

#include <csignal>
#include <functional>

namespace cajal {

class Signals {
 public:
  Signals();

  // Starts the thread, which lives as long as the process. It calls `on_first` at the first signal.
  void Listen(std::function<void()> on_first);

 private:
  sigset_t signals_;
};

}  // namespace cajal
