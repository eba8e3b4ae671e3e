// SIGTERM: what runs may end, what is new is refused, and the exit code is 0.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/e2e/cajald_process.h"
#include "tests/e2e/graph_call.h"
#include "tests/e2e/standard_protocols.h"

namespace cajal::e2e {
namespace {

TEST(Drain, AnIdleServerEndsAtOnceWithExitCode0) {
  CajaldProcess server;
  EXPECT_EQ(server.Terminate(), 0);
}

TEST(Drain, WhileAJobRunsHealthIsNotServingAndNewWorkIsRefused) {
  CajaldProcess server({.flags = {"--grace-seconds", "86400"}});
  GraphCall call(&server.client(), LongGraph());
  const std::string job = call.WaitUntilComputing();
  ASSERT_NE(job, "");
  {
    HealthWatch watch(server.address(), "cajal.v1.GraphService");
    ASSERT_EQ(watch.Next(), HealthStatus::kServing);
    server.process().Signal(SIGTERM);
    EXPECT_EQ(watch.Next(), HealthStatus::kNotServing);
  }
  const auto other_user = server.NewClient();
  const absl::Status refused = other_user->CreateGraph(SmallGraph()).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable) << refused;
  EXPECT_EQ(client::ErrorReason(refused), "DRAINING");
  EXPECT_TRUE(client::RetryDelay(refused).has_value());

  // Jobs can still be seen and cancelled, and then the server need not wait any longer.
  EXPECT_EQ(other_user->GetJob(job)->state, client::JobState::kRunning);
  EXPECT_TRUE(other_user->CancelJob(job).ok());
  EXPECT_EQ(call.Wait().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(server.process().Wait(), 0) << server.process().err();
}

TEST(Drain, AJobThatEndsWithinTheGraceTimeIsAnsweredAndStored) {
  const TempDir data_dir;
  std::string name;
  {
    CajaldProcess server({.data_dir = data_dir.path(), .flags = {"--grace-seconds", "86400"}});
    client::CreateGraphRequest request = LongGraph();
    request.settings.max_feature_nodes = 200;
    GraphCall call(&server.client(), request);
    ASSERT_NE(call.WaitForJob(), "");
    server.process().Signal(SIGTERM);
    const auto graph = call.Wait();
    ASSERT_TRUE(graph.ok()) << graph.status();
    EXPECT_GT(graph->edges.size(), 0);
    name = graph->info.name;
    EXPECT_EQ(server.process().Wait(), 0) << server.process().err();
  }
  CajaldProcess server({.data_dir = data_dir.path()});
  EXPECT_TRUE(server.client().GetGraph({.name = name}).ok());
}

TEST(Drain, AJobThatDoesNotEndWithinTheGraceTimeIsStoppedWithAReason) {
  CajaldProcess server({.flags = {"--grace-seconds", "1"}});
  const auto user = server.NewClient();
  GraphCall call(user.get(), LongGraph());
  ASSERT_NE(call.WaitUntilComputing(), "");
  GraphCall waiting(user.get(), SmallGraph());
  ASSERT_NE(waiting.WaitForJob(), "");
  EXPECT_EQ(server.Terminate(), 0) << server.process().err();
  for (GraphCall* stopped : {&call, &waiting}) {
    const absl::Status status = stopped->Wait().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_EQ(client::ErrorReason(status), "DRAINING");
  }
}

TEST(Drain, ASecondSignalEndsTheServerAtOnce) {
  CajaldProcess server({.flags = {"--grace-seconds", "86400"}});
  const auto user = server.NewClient();
  GraphCall call(user.get(), LongGraph());
  ASSERT_NE(call.WaitUntilComputing(), "");
  HealthWatch watch(server.address(), "");
  ASSERT_EQ(watch.Next(), HealthStatus::kServing);
  server.process().Signal(SIGTERM);
  ASSERT_EQ(watch.Next(), HealthStatus::kNotServing);
  server.process().Signal(SIGTERM);
  EXPECT_EQ(server.process().Wait(), 1);
}

}  // namespace
}  // namespace cajal::e2e
