#include "server/job.h"

#include <gtest/gtest.h>

namespace cajal::server {
namespace {

class RecordingWatcher final : public JobWatcher {
 public:
  void OnProgress(const JobInfo& job) override { progress.push_back(job); }
  void OnFinished(const JobInfo& job, const JobResult&) override { finished.push_back(job); }

  std::vector<JobInfo> progress;
  std::vector<JobInfo> finished;
};

class JobTest : public testing::Test {
 protected:
  Job job_{"1", "CreateGraph", "", "mine"};
  std::shared_ptr<RecordingWatcher> watcher_ = std::make_shared<RecordingWatcher>();
};

TEST_F(JobTest, AWatcherHearsWhereTheJobIsAndHowItGoesOn) {
  ASSERT_TRUE(job_.Watch(watcher_, false));
  ASSERT_TRUE(job_.Start());
  job_.ReportProgress({.phase = "encode", .done = 1, .total = 2});
  job_.Finish(absl::OkStatus(), "abc", {});
  ASSERT_EQ(watcher_->progress.size(), 3u);
  EXPECT_EQ(watcher_->progress[0].state, JobState::kQueued);
  EXPECT_EQ(watcher_->progress[2].progress.phase, "encode");
  ASSERT_EQ(watcher_->finished.size(), 1u);
  EXPECT_EQ(watcher_->finished[0].state, JobState::kSucceeded);
  EXPECT_EQ(watcher_->finished[0].graph_id, "abc");
}

TEST_F(JobTest, TheLastWatcherToLeaveStopsTheJob) {
  auto other = std::make_shared<RecordingWatcher>();
  ASSERT_TRUE(job_.Watch(watcher_, false));
  ASSERT_TRUE(job_.Watch(other, false));
  EXPECT_FALSE(job_.Unwatch(watcher_.get(), absl::StatusCode::kCancelled));
  EXPECT_FALSE(job_.stop_flag()->stop_requested());
  EXPECT_TRUE(job_.Unwatch(other.get(), absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(job_.stop_flag()->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(job_.Start());
  EXPECT_FALSE(job_.Watch(watcher_, false)) << "nobody can attach to a job that is being stopped";
}

TEST_F(JobTest, ADetachedJobDoesNotMissItsWatchers) {
  ASSERT_TRUE(job_.Watch(watcher_, true));
  EXPECT_FALSE(job_.Unwatch(watcher_.get(), absl::StatusCode::kCancelled));
  EXPECT_TRUE(job_.Start());
}

TEST_F(JobTest, OnlyTheAnswerToTheStopFlagMakesItCancelled) {
  job_.stop_flag()->RequestStop(absl::StatusCode::kCancelled);
  job_.Finish(absl::ResourceExhaustedError("the disk is full"), "", {});
  EXPECT_EQ(job_.info().state, JobState::kFailed);

  Job other("2", "Forward", "", "");
  other.stop_flag()->RequestStop(absl::StatusCode::kUnavailable);
  other.Finish(absl::UnavailableError("draining"), "", {});
  EXPECT_EQ(other.info().state, JobState::kCancelled);
}

TEST_F(JobTest, ItEndsOnce) {
  ASSERT_TRUE(job_.Watch(watcher_, false));
  job_.Finish(absl::CancelledError("first"), "", {});
  job_.Finish(absl::OkStatus(), "abc", {});
  job_.ReportProgress({.phase = "late"});
  EXPECT_EQ(watcher_->finished.size(), 1u);
  EXPECT_EQ(watcher_->progress.size(), 1u);
  EXPECT_EQ(job_.info().error.message(), "first");
}

}  // namespace
}  // namespace cajal::server
