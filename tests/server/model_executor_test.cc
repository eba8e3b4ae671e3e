#include "server/model_executor.h"

#include <gtest/gtest.h>

#include <future>

#include "model/base/status.h"

namespace cajal::server {
namespace {

std::shared_ptr<Job> MakeJob(const std::string& id) {
  return std::make_shared<Job>(id, "Forward", "", "");
}

// Holds the executor's thread until released.
class Blocker {
 public:
  explicit Blocker(ModelExecutor* executor, int64_t bytes = 0) : job_(MakeJob("blocker")) {
    EXPECT_TRUE(executor->Enqueue(job_).ok());
    EXPECT_TRUE(executor
                    ->SetReady(job_.get(), bytes,
                               [this](Reservation memory) {
                                 memory_ = std::move(memory);
                                 started_.set_value();
                                 release_.get_future().wait();
                               })
                    .ok());
    started_.get_future().wait();
  }
  void Release() { release_.set_value(); }
  void ReleaseMemory() { memory_.Release(); }

 private:
  std::shared_ptr<Job> job_;
  Reservation memory_;
  std::promise<void> started_;
  std::promise<void> release_;
};

class ModelExecutorTest : public testing::Test {
 protected:
  std::shared_ptr<Job> Add(const std::string& id, int64_t bytes = 0) {
    auto job = MakeJob(id);
    EXPECT_TRUE(executor_.Enqueue(job).ok());
    MakeReady(job, bytes);
    return job;
  }
  void MakeReady(const std::shared_ptr<Job>& job, int64_t bytes = 0) {
    EXPECT_TRUE(executor_
                    .SetReady(job.get(), bytes,
                              [this, id = job->id()](Reservation) {
                                MutexLock lock(&mutex_);
                                order_.push_back(id);
                                changed_.NotifyAll();
                              })
                    .ok());
  }
  std::vector<std::string> WaitForRuns(size_t n) {
    MutexLock lock(&mutex_);
    while (order_.size() < n) changed_.Wait(&mutex_);
    return order_;
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> order_;
  MemoryBudget budget_{100};
  ModelExecutor executor_{3, &budget_};
};

TEST_F(ModelExecutorTest, JobsRunInTheOrderOfTheirAdmission) {
  Blocker blocker(&executor_);
  const auto a = MakeJob("a");
  ASSERT_TRUE(executor_.Enqueue(a).ok());
  Add("b");
  MakeReady(a);  // later than b
  Add("c");
  blocker.Release();
  EXPECT_EQ(WaitForRuns(3), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(ModelExecutorTest, AJobThatIsNotReadyHoldsUpNobody) {
  const auto slow = MakeJob("slow");
  ASSERT_TRUE(executor_.Enqueue(slow).ok());
  Add("a");
  EXPECT_EQ(WaitForRuns(1), (std::vector<std::string>{"a"}));
  MakeReady(slow);
  WaitForRuns(2);
}

TEST_F(ModelExecutorTest, MoreJobsThanTheCapacityAreRefused) {
  Blocker blocker(&executor_);  // runs, so it does not count
  Add("a");
  Add("b");
  Add("c");
  const absl::Status refused = executor_.Enqueue(MakeJob("d"));
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_EQ(ReasonOf(refused), "QUEUE_FULL");
  blocker.Release();
  WaitForRuns(3);
}

TEST_F(ModelExecutorTest, ARemovedJobDoesNotRun) {
  Blocker blocker(&executor_);
  const auto a = Add("a");
  Add("b");
  EXPECT_TRUE(executor_.Remove(a.get()));
  EXPECT_FALSE(executor_.Remove(a.get()));
  MakeReady(a);  // too late: nothing happens
  blocker.Release();
  EXPECT_EQ(WaitForRuns(1), (std::vector<std::string>{"b"}));
}

TEST_F(ModelExecutorTest, WhatNeverFitsIsRefusedAndWhatDoesNotFitNowWaits) {
  const auto huge = MakeJob("huge");
  ASSERT_TRUE(executor_.Enqueue(huge).ok());
  const absl::Status refused = executor_.SetReady(huge.get(), 101, [](Reservation) { FAIL(); });
  EXPECT_EQ(ReasonOf(refused), "NEVER_FITS");
  EXPECT_TRUE(executor_.Remove(huge.get()));

  Blocker blocker(&executor_, 60);
  Add("large", 50);
  Add("small", 10);   // would fit, but does not overtake
  blocker.Release();  // the memory is still held, as by a job that is being stored
  {
    MutexLock lock(&mutex_);
    EXPECT_TRUE(order_.empty());
  }
  blocker.ReleaseMemory();
  executor_.MemoryReleased();
  EXPECT_EQ(WaitForRuns(2), (std::vector<std::string>{"large", "small"}));
}

TEST_F(ModelExecutorTest, PositionsCountTheRunningJob) {
  Blocker blocker(&executor_);
  const auto a = Add("a");
  const auto b = Add("b");
  EXPECT_EQ(a->info().queue_position, 1);
  EXPECT_EQ(b->info().queue_position, 2);
  executor_.Remove(a.get());
  EXPECT_EQ(b->info().queue_position, 1);
  blocker.Release();
  WaitForRuns(1);
}

}  // namespace
}  // namespace cajal::server
