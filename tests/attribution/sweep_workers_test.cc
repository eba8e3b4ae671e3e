#include "model/attribution/sweep_workers.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <stdexcept>

namespace cajal::attribution {
namespace {

// Three workers, whatever the machine has.
class SweepWorkersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = at::get_num_threads();
    at::set_num_threads(3);
  }
  void TearDown() override { at::set_num_threads(before_); }

 private:
  int before_ = 1;
};

TEST_F(SweepWorkersTest, RunOnThreadsOfTheirOwnWithOneTorchThreadEach) {
  SweepWorkers workers;
  Mutex mutex;
  std::set<std::thread::id> threads;
  std::atomic<int> torch_threads = 0;
  workers.RunOnAll(
      [&] {
        torch_threads += at::get_num_threads();
        MutexLock lock(&mutex);
        threads.insert(std::this_thread::get_id());
      },
      [] {});
  EXPECT_EQ(threads.size(), 3u);
  EXPECT_EQ(threads.count(std::this_thread::get_id()), 0u);
  EXPECT_EQ(torch_threads, 3);
  EXPECT_EQ(at::get_num_threads(), 3);  // the caller's own are as before
}

TEST_F(SweepWorkersTest, CanBeUsedAgainAndAgain) {
  SweepWorkers workers;
  std::atomic<int> calls = 0;
  for (int round = 0; round < 100; ++round) workers.RunOnAll([&] { ++calls; }, [] {});
  EXPECT_EQ(calls, 300);
}

TEST_F(SweepWorkersTest, WakeTheCallerOnItsOwnThread) {
  SweepWorkers workers;
  std::set<std::thread::id> woken;
  workers.RunOnAll([&] { workers.WakeCaller(); },
                   [&] { woken.insert(std::this_thread::get_id()); });
  EXPECT_EQ(woken, std::set<std::thread::id>{std::this_thread::get_id()});
}

TEST_F(SweepWorkersTest, HandAnExceptionToTheCallerAndWorkOn) {
  SweepWorkers workers;
  EXPECT_THROW(workers.RunOnAll([] { throw std::runtime_error("out of memory"); }, [] {}),
               std::runtime_error);
  std::atomic<int> calls = 0;
  workers.RunOnAll([&] { ++calls; }, [] {});
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace cajal::attribution
