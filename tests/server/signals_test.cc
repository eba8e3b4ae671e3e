#include "model/base/signals.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace cajal {
namespace {

constexpr int kToldOnce = 42;  // exit code

class SignalsTest : public ::testing::TestWithParam<int> {
 protected:
  SignalsTest() { ::testing::GTEST_FLAG(death_test_style) = "threadsafe"; }
};

// Until another thread ends the process, or the alarm does.
[[noreturn]] void Wait() {
  alarm(30);
  while (true) pause();
}

TEST_P(SignalsTest, AThreadOlderThanMainMayTakeTheSignal) {
  EXPECT_EXIT(
      {
        std::thread library([] { pause(); });  // as OpenBLAS starts them when it is loaded
        Signals signals;
        pthread_kill(library.native_handle(), GetParam());
        signals.Listen([] { _exit(kToldOnce); });
        Wait();
      },
      ::testing::ExitedWithCode(kToldOnce), "");
}

TEST_P(SignalsTest, ASignalBeforeAnyoneListensIsKept) {
  EXPECT_EXIT(
      {
        Signals signals;
        kill(getpid(), GetParam());
        signals.Listen([] { _exit(kToldOnce); });
        Wait();
      },
      ::testing::ExitedWithCode(kToldOnce), "");
}

TEST_P(SignalsTest, TheSecondOneEndsTheProcess) {
  EXPECT_EXIT(
      {
        Signals signals;
        signals.Listen([] { kill(getpid(), GetParam()); });
        kill(getpid(), GetParam());
        Wait();
      },
      ::testing::ExitedWithCode(1), "");
}

INSTANTIATE_TEST_SUITE_P(Both, SignalsTest, ::testing::Values(SIGTERM, SIGINT));

}  // namespace
}  // namespace cajal
