#include "server/work_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>

#include "model/base/status.h"

namespace cajal::server {
namespace {

TEST(WorkPoolTest, TasksStartInTheOrderInWhichTheyWereScheduled) {
  std::vector<int> order;
  {
    WorkPool pool(1, 10);
    for (int i = 0; i < 5; ++i) pool.Schedule([&order, i] { order.push_back(i); });
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(WorkPoolTest, TheNextStepOfAdmittedWorkComesBeforeNewWork) {
  std::promise<void> release;
  std::vector<int> order;
  {
    WorkPool pool(1, 10);
    pool.Schedule([&] { release.get_future().wait(); });
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(pool.TrySchedule([&, i] {
                        order.push_back(i);
                        pool.Schedule([&order, i] { order.push_back(10 + i); });
                      })
                      .ok());
    }
    release.set_value();
  }
  EXPECT_EQ(order, (std::vector<int>{0, 10, 1, 11, 2, 12}));
}

TEST(WorkPoolTest, ItsThreadsAloneAreAsNiceAsItWasTold) {
  const auto niceness = [] { return getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); };
  const int own = niceness();
  std::promise<int> of_default, of_nice;
  {
    WorkPool plain(1, 10);
    WorkPool nicer(1, 10, 7);
    plain.Schedule([&] { of_default.set_value(niceness()); });
    nicer.Schedule([&] { of_nice.set_value(niceness()); });
  }
  EXPECT_EQ(of_default.get_future().get(), own);
  EXPECT_EQ(of_nice.get_future().get(), std::min(own + 7, 19));
  EXPECT_EQ(niceness(), own);
}

TEST(WorkPoolTest, NewWorkIsRefusedWhenItsCapacityWaits) {
  std::promise<void> started, release;
  std::atomic<int> ran = 0;
  {
    WorkPool pool(1, 1);
    pool.Schedule([&] {
      started.set_value();
      release.get_future().wait();
    });
    started.get_future().wait();
    EXPECT_TRUE(pool.TrySchedule([&ran] { ++ran; }).ok());
    const absl::Status refused = pool.TrySchedule([&ran] { ++ran; });
    EXPECT_TRUE(absl::IsResourceExhausted(refused));
    EXPECT_EQ(ReasonOf(refused), "QUEUE_FULL");
    pool.Schedule([&ran] { ran += 10; });  // the next step of admitted work
    release.set_value();
  }
  EXPECT_EQ(ran, 11);
}

TEST(WorkPoolTest, ItsEndRunsWhatTasksSchedule) {
  bool ran = false;
  {
    WorkPool pool(1, 1);
    pool.Schedule([&] { pool.Schedule([&ran] { ran = true; }); });
  }
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace cajal::server
