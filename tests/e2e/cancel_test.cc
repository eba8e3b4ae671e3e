// Work that is stopped on purpose: Ctrl-C, time limits, CancelJob; and work that goes on: detached
// jobs and calls that share one. In each test the server is idle again and serves afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>

#include "tests/e2e/cajald_process.h"
#include "tests/e2e/graph_call.h"

namespace cajal::e2e {
namespace {

using client::JobState;
using ::testing::HasSubstr;

class Cancel : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<CajaldProcess>(); }
  static void TearDownTestSuite() {
    EXPECT_EQ(server_->Terminate(), 0);
    server_.reset();
  }
  void TearDown() override {
    ExpectIdle(&client());
    ExpectServes(server_.get());
  }

  client::Client& client() { return server_->client(); }
  // `cajal graph` with a long graph.
  static std::unique_ptr<Process> StartLongCommand(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"graph"};
    for (const std::string& flag : LongGraphFlags()) arguments.push_back(flag);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return server_->StartCajal(arguments);
  }

  static std::unique_ptr<CajaldProcess> server_;
};
std::unique_ptr<CajaldProcess> Cancel::server_;

TEST_F(Cancel, CtrlCInTheCommandStopsTheJob) {
  const TempDir dir;
  const auto command = StartLongCommand({"--output", dir.File("graph.json")});
  const client::Job job = WaitForRunningJob(&client());
  command->Signal(SIGINT);
  EXPECT_EQ(command->Wait(), 1);
  EXPECT_THAT(command->err(), HasSubstr("cancelled; the server has been told to stop"));
  EXPECT_FALSE(std::filesystem::exists(dir.File("graph.json")));
  const client::Job ended = WaitForState(&client(), job.name, JobState::kCancelled);
  EXPECT_EQ(ended.error.code(), absl::StatusCode::kCancelled);
}

TEST_F(Cancel, ATimeLimitOfTheCommandStopsTheJob) {
  const auto command = StartLongCommand({"--timeout", "1"});
  const client::Job job = WaitForRunningJob(&client());
  EXPECT_EQ(command->Wait(), 1);
  EXPECT_THAT(command->err(), HasSubstr("time limit of 1s"));
  const client::Job ended = WaitForState(&client(), job.name, JobState::kCancelled);
  EXPECT_EQ(ended.error.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(Cancel, ATimeLimitThatPassesInTheQueueEndsTheWaitingJobAlone) {
  GraphCall running(&client(), LongGraph());
  ASSERT_NE(running.WaitUntilComputing(), "");
  GraphCall waiting(&client(), SmallGraph(), absl::Milliseconds(500));
  const std::string job = waiting.WaitForJob();
  EXPECT_EQ(waiting.Wait().status().code(), absl::StatusCode::kDeadlineExceeded);
  const client::Job ended = WaitForState(&client(), job, JobState::kCancelled);
  EXPECT_EQ(ended.start_time, absl::InfinitePast());
  EXPECT_EQ(client().GetJob(running.WaitForJob())->state, JobState::kRunning);
  running.Cancel();
  WaitForState(&client(), running.WaitForJob(), JobState::kCancelled);
}

TEST_F(Cancel, JobsCancelStopsTheJobAndItsCommandSaysSo) {
  const auto command = StartLongCommand();
  const client::Job job = WaitForRunningJob(&client());
  const ProcessResult cancel =
      server_->Cajal({"jobs", "cancel", job.name.substr(job.name.find('/') + 1)});
  EXPECT_EQ(cancel.exit_code, 0) << cancel.err;
  EXPECT_EQ(command->Wait(), 1);
  WaitForState(&client(), job.name, JobState::kCancelled);
}

TEST_F(Cancel, AWaitingJobThatIsCancelledNeverStarts) {
  GraphCall running(&client(), LongGraph());
  ASSERT_NE(running.WaitUntilComputing(), "");
  GraphCall waiting(&client(), SmallGraph());
  const auto queued =
      waiting.WaitFor([](const client::Progress& p) { return p.queue_position == 1; });
  ASSERT_TRUE(queued.has_value());
  EXPECT_EQ(client().CancelJob(queued->job)->state, JobState::kCancelled);
  EXPECT_EQ(waiting.Wait().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(client().GetJob(queued->job)->start_time, absl::InfinitePast());
  running.Cancel();
  WaitForState(&client(), running.WaitForJob(), JobState::kCancelled);
}

TEST_F(Cancel, ADetachedJobOutlivesItsCall) {
  GraphCall running(&client(), LongGraph());
  ASSERT_NE(running.WaitUntilComputing(), "");
  client::CreateGraphRequest request = SmallGraph();
  request.detach = true;
  std::string job;
  {
    const auto other_user = server_->NewClient();
    GraphCall detached(other_user.get(), request);
    job = detached.WaitForJob();
  }  // it goes away while its job waits
  running.Cancel();
  const client::Job ended = WaitForState(&client(), job, JobState::kSucceeded);
  const auto graph = client().GetGraph({.name = ended.graph});
  EXPECT_TRUE(graph.ok()) << graph.status();
}

TEST_F(Cancel, CallsWithOneRequestIdShareOneJobUntilTheLastOneLeaves) {
  client::CreateGraphRequest request = LongGraph();
  request.request_id = "shared";
  const auto other_user = server_->NewClient();
  GraphCall first(&client(), request);
  const std::string job = first.WaitUntilComputing();
  GraphCall second(other_user.get(), request);
  EXPECT_EQ(second.WaitUntilComputing(), job);

  const int64_t rows_before = client().GetJob(job)->progress.done;
  first.Cancel();
  EXPECT_EQ(first.Wait().status().code(), absl::StatusCode::kCancelled);
  const auto later =
      second.WaitFor([&](const client::Progress& p) { return p.done > rows_before + 10; });
  EXPECT_TRUE(later.has_value()) << "the job stopped although a call still waits for it";

  second.Cancel();
  WaitForState(&client(), job, JobState::kCancelled);
}

TEST_F(Cancel, ARequestIdSeenBeforeAnswersWithTheStoredGraph) {
  client::CreateGraphRequest request = SmallGraph();
  request.request_id = "once";
  const auto first = client().CreateGraph(request);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = client().CreateGraph(request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->info.name, first->info.name);
  EXPECT_EQ(second->edges.weights, first->edges.weights);
}

}  // namespace
}  // namespace cajal::e2e
