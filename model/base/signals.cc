#include "model/base/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>
#include <utility>

#include "model/base/check.h"

namespace cajal {
namespace {

// Where the handler writes and the thread reads. A handler has no argument to carry it.
std::array<int, 2> pipe_ends = {-1, -1};

void OnSignal(int /*signal*/) {
  const int saved_errno = errno;
  const char byte = 0;
  // A full pipe holds enough signals already.
  [[maybe_unused]] const ssize_t written = write(pipe_ends[1], &byte, 1);
  errno = saved_errno;
}

void WaitForSignal() {
  char byte = 0;
  while (read(pipe_ends[0], &byte, 1) != 1) {
  }
}

}  // namespace

Signals::Signals() {
  CAJAL_CHECK(pipe_ends[0] < 0) << "a second Signals";
  CAJAL_CHECK(pipe2(pipe_ends.data(), O_CLOEXEC) == 0) << "errno " << errno;
  CAJAL_CHECK(fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK) == 0) << "errno " << errno;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT}) {
    CAJAL_CHECK(sigaction(signal, &action, nullptr) == 0) << "errno " << errno;
  }
  // A file size limit is then an error of the write, which is reported as a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
}

void Signals::Listen(std::function<void()> on_first) {
  std::thread([on_first = std::move(on_first)] {
    WaitForSignal();
    on_first();
    WaitForSignal();
    _exit(1);
  }).detach();
}

}  // namespace cajal
