#include "server/job_registry.h"

#include <gtest/gtest.h>

#include "model/base/status.h"

namespace cajal::server {
namespace {

using std::chrono::steady_clock;

TEST(JobRegistryTest, AnActiveJobIsFoundByItsRequestId) {
  JobRegistry jobs(10);
  const auto first = jobs.FindOrCreate("CreateGraph", "ana", "mine");
  EXPECT_TRUE(first.is_new);
  const auto second = jobs.FindOrCreate("CreateGraph", "ana", "mine");
  EXPECT_FALSE(second.is_new);
  EXPECT_EQ(second.job, first.job);
  EXPECT_TRUE(jobs.FindOrCreate("CreateGraph", "ben", "mine").is_new) << "another owner's";
  EXPECT_TRUE(jobs.FindOrCreate("CreateGraph", "ana", "").is_new) << "no request id";
}

TEST(JobRegistryTest, AJobThatIsBeingStoppedIsNotAttachedTo) {
  JobRegistry jobs(10);
  const auto first = jobs.FindOrCreate("CreateGraph", "", "mine");
  first.job->stop_flag()->RequestStop(absl::StatusCode::kCancelled);
  EXPECT_TRUE(jobs.FindOrCreate("CreateGraph", "", "mine").is_new);
}

TEST(JobRegistryTest, OnlySoManyFinishedJobsAreRemembered) {
  JobRegistry jobs(1);
  const auto first = jobs.FindOrCreate("Forward", "", "").job;
  const auto second = jobs.FindOrCreate("Forward", "", "").job;
  for (const auto& job : {first, second}) {
    job->Finish(absl::OkStatus(), "", {});
    jobs.Retire(job);
  }
  EXPECT_TRUE(absl::IsNotFound(jobs.Find(first->id()).status()));
  EXPECT_TRUE(jobs.Find(second->id()).ok());
  EXPECT_EQ(jobs.List().size(), 1u);
}

TEST(JobRegistryTest, AJobThatHasEndedCountsAsFinishedBeforeItIsRetired) {
  JobRegistry jobs(/*max_finished=*/1);
  const auto first = jobs.FindOrCreate("CreateGraph", "", "").job;
  first->Finish(absl::OkStatus(), "", {});
  jobs.Retire(first);
  const auto second = jobs.FindOrCreate("CreateGraph", "", "").job;
  second->Finish(absl::OkStatus(), "", {});
  const std::vector<JobInfo> listed = jobs.List();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].id, second->id());
}

TEST(JobRegistryTest, ItIsIdleWhenNoJobIsActive) {
  JobRegistry jobs(1);
  EXPECT_TRUE(jobs.WaitUntilIdle(steady_clock::now()));
  const auto job = jobs.FindOrCreate("Forward", "", "").job;
  EXPECT_FALSE(jobs.WaitUntilIdle(steady_clock::now()));
  job->Finish(absl::OkStatus(), "", {});
  jobs.Retire(job);
  EXPECT_TRUE(jobs.WaitUntilIdle(steady_clock::now()));
}

}  // namespace
}  // namespace cajal::server
