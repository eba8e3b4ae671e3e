#include "server/job_runner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

#include "model/base/status.h"

namespace cajal::server {
namespace {

class Ending final : public JobWatcher {
 public:
  void OnProgress(const JobInfo&) override {}
  void OnFinished(const JobInfo& job, const JobResult& result) override {
    phases = result.phases;
    info.set_value(job);
  }
  std::promise<JobInfo> info;
  std::vector<RunContext::PhaseSeconds> phases;
};

class JobRunnerTest : public testing::Test {
 protected:
  ~JobRunnerTest() override {
    runner_.Stop();
    pool_.reset();  // its threads may still be leaving a step of the runner
  }

  JobInfo Run(JobRunner::Prepare prepare) {
    const auto job = registry_.FindOrCreate("Forward", "", "").job;
    EXPECT_TRUE(runner_.Enqueue(job).ok());
    EXPECT_TRUE(job->Watch(ending_, false));
    runner_.Start(job, std::move(prepare));
    return ending_->info.get_future().get();
  }
  static PreparedJob Steps(std::function<absl::Status(RunContext*)> compute) {
    PreparedJob steps;
    steps.compute = std::move(compute);
    steps.complete = [](RunContext*) -> absl::StatusOr<JobOutcome> {
      JobOutcome outcome;
      outcome.graph_id = "abc";
      return outcome;
    };
    return steps;
  }

  JobRegistry registry_{10};
  std::shared_ptr<Ending> ending_ = std::make_shared<Ending>();
  std::unique_ptr<WorkPool> pool_ = std::make_unique<WorkPool>(2, 10);
  std::atomic<int> ended_ = 0;
  JobRunner runner_{2, 100, &registry_, pool_.get(), [this](const JobInfo&) { ++ended_; }};
};

TEST_F(JobRunnerTest, AJobPassesThroughItsStepsAndKeepsItsPhases) {
  const JobInfo job = Run([] {
    return Steps([](RunContext* context) {
      context->BeginPhase("encode", 1);
      return absl::OkStatus();
    });
  });
  EXPECT_EQ(job.state, JobState::kSucceeded);
  EXPECT_EQ(job.graph_id, "abc");
  ASSERT_EQ(ending_->phases.size(), 1u);
  EXPECT_EQ(ending_->phases[0].phase, "encode");
}

TEST_F(JobRunnerTest, AnAnswerThatIsKnownIsNotComputed) {
  const JobInfo job = Run([]() -> absl::StatusOr<PreparedJob> {
    PreparedJob steps = Steps([](RunContext*) { return absl::InternalError("computed"); });
    steps.answer.emplace().graph_id = "known";
    return steps;
  });
  EXPECT_EQ(job.state, JobState::kSucceeded);
  EXPECT_EQ(job.graph_id, "known");
}

TEST_F(JobRunnerTest, WhatCannotBePreparedFails) {
  const JobInfo job = Run([] { return absl::InvalidArgumentError("no prompt"); });
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.error.message(), "no prompt");
}

TEST_F(JobRunnerTest, WhatNeverFitsFails) {
  const JobInfo job = Run([] {
    PreparedJob steps = Steps([](RunContext*) { return absl::OkStatus(); });
    steps.bytes = 101;
    return steps;
  });
  EXPECT_EQ(ReasonOf(job.error), "NEVER_FITS");
}

// The second job needs what the first has given back while that one is still being completed.
TEST_F(JobRunnerTest, WhatACorrectedReservationGivesBackIsForTheNextJob) {
  std::promise<void> second_computes;
  const auto first = registry_.FindOrCreate("Forward", "", "").job;
  ASSERT_TRUE(runner_.Enqueue(first).ok());
  runner_.Start(first, [&second_computes] {
    PreparedJob steps =
        Steps([](RunContext* context) { return context->CorrectReservation(10, "a graph"); });
    steps.bytes = 100;
    steps.complete = [&second_computes](RunContext*) -> absl::StatusOr<JobOutcome> {
      second_computes.get_future().wait();
      return JobOutcome{};
    };
    return steps;
  });
  const JobInfo second = Run([&second_computes] {
    PreparedJob steps = Steps([&second_computes](RunContext*) {
      second_computes.set_value();
      return absl::OkStatus();
    });
    steps.bytes = 90;
    return steps;
  });
  EXPECT_EQ(second.state, JobState::kSucceeded);
  registry_.WaitUntilIdle(std::chrono::steady_clock::time_point::max());
}

TEST_F(JobRunnerTest, AJobThatGrowsBeyondTheBudgetFails) {
  const JobInfo job = Run([] {
    PreparedJob steps =
        Steps([](RunContext* context) { return context->GrowReservation(101, "a graph"); });
    steps.bytes = 50;
    return steps;
  });
  EXPECT_EQ(ReasonOf(job.error), "NEVER_FITS");
}

TEST_F(JobRunnerTest, AnExceptionInAnyStepFailsTheJob) {
  const JobInfo job = Run(
      [] { return Steps([](RunContext*) -> absl::Status { throw std::runtime_error("boom"); }); });
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_TRUE(absl::IsInternal(job.error));
  registry_.WaitUntilIdle(std::chrono::steady_clock::time_point::max());
  EXPECT_EQ(ended_, 1);
}

TEST_F(JobRunnerTest, ACancelledComputationEndsAsCancelled) {
  const auto job = registry_.FindOrCreate("Forward", "", "").job;
  ASSERT_TRUE(runner_.Enqueue(job).ok());
  ASSERT_TRUE(job->Watch(ending_, false));
  std::promise<void> started, cancelled;
  runner_.Start(job, [&] {
    return Steps([&](RunContext* context) {
      started.set_value();
      cancelled.get_future().wait();
      return context->CheckStop();
    });
  });
  started.get_future().wait();
  runner_.Cancel(job, absl::StatusCode::kCancelled);
  EXPECT_EQ(job->info().state, JobState::kRunning) << "it ends with its batch";
  cancelled.set_value();
  EXPECT_EQ(ending_->info.get_future().get().state, JobState::kCancelled);
}

TEST_F(JobRunnerTest, AFullQueueEndsTheJobAndForgetsIt) {
  std::vector<std::shared_ptr<Job>> jobs;
  for (int i = 0; i < 2; ++i) {
    jobs.push_back(registry_.FindOrCreate("Forward", "", "").job);
    ASSERT_TRUE(runner_.Enqueue(jobs.back()).ok());
  }
  const auto refused = registry_.FindOrCreate("Forward", "", "mine").job;
  ASSERT_TRUE(refused->Watch(ending_, false));  // somebody attached to it
  EXPECT_EQ(ReasonOf(runner_.Enqueue(refused)), "QUEUE_FULL");
  EXPECT_EQ(ending_->info.get_future().get().state, JobState::kFailed);
  EXPECT_FALSE(registry_.Find(refused->id()).ok());
  for (const auto& job : jobs) runner_.Cancel(job, absl::StatusCode::kCancelled);
  EXPECT_TRUE(registry_.WaitUntilIdle(std::chrono::steady_clock::now()));
}

}  // namespace
}  // namespace cajal::server
