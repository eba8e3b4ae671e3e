// SIGTERM and SIGINT as events on a thread of their own.
//
// The handler only writes a byte into a pipe, which is all that may be done there; a thread reads
// it. Blocking the signals and waiting for them would be simpler, but a library may start threads
// before main does (OpenBLAS, which OpenCV loads where it is installed), and one of those would
// take the signal and end the process. The second signal ends the process at once, with exit
// code 1.
#pragma once

#include <functional>

namespace cajal {

// One in a process, for its whole life.
class Signals {
 public:
  // From here on the signals no longer end the process.
  Signals();

  // Starts the thread, which lives as long as the process. It calls `on_first` at the first signal,
  // which may have come before.
  void Listen(std::function<void()> on_first);
};

}  // namespace cajal
