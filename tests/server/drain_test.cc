// The end of a server: what SIGTERM sets off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using std::chrono::milliseconds;
constexpr std::chrono::minutes kLong(5);

// Waits until new work is refused.
grpc::Status WaitUntilRefused(TestServer* server) {
  while (true) {
    grpc::ClientContext context;
    v1::GetServerInfoResponse response;
    const grpc::Status status = server->models().GetServerInfo(&context, {}, &response);
    if (!status.ok()) return status;
    std::this_thread::yield();
  }
}

TEST(DrainTest, WhatRunsMayEndWithinTheGraceTimeAndNewWorkIsRefused) {
  TestServer server;
  server.engine().CloseGate();
  GraphCall running(&server.graphs(), GraphRequest());
  ASSERT_TRUE(running.ReadUntilPhase("feature_rows"));
  GraphCall waiting(&server.graphs(), GraphRequest());
  ASSERT_TRUE(waiting.Read());
  std::thread drain([&server] { server.server().Drain(kLong); });

  const grpc::Status refused = WaitUntilRefused(&server);
  EXPECT_EQ(refused.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(refused), "DRAINING");
  EXPECT_TRUE(RetrySecondsOf(refused).has_value());
  EXPECT_EQ(server.GetJob(running.job()).state(), v1::JOB_STATE_RUNNING);

  server.engine().OpenGate();
  EXPECT_TRUE(running.Finish().ok());
  EXPECT_TRUE(waiting.Finish().ok());
  drain.join();
}

TEST(DrainTest, AfterTheGraceTimeJobsAreStoppedWithAnErrorThatSaysWhy) {
  TestServer server;
  server.engine().CloseGate();
  GraphCall running(&server.graphs(), GraphRequest());
  ASSERT_TRUE(running.ReadUntilPhase("feature_rows"));
  GraphCall waiting(&server.graphs(), GraphRequest());
  ASSERT_TRUE(waiting.Read());
  server.server().Drain(milliseconds(0));

  for (GraphCall* call : {&running, &waiting}) {
    const grpc::Status status = call->Finish();
    EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE);
    EXPECT_EQ(ReasonOf(status), "DRAINING");
  }
}

TEST(DrainTest, AnIdleServerEndsAtOnce) {
  TestServer server;
  CreateGraph(&server);
  server.server().Drain(kLong);
  grpc::ClientContext context;
  v1::GetServerInfoResponse response;
  EXPECT_EQ(server.models().GetServerInfo(&context, {}, &response).error_code(), grpc::UNAVAILABLE);
}

TEST(DrainTest, GraphsOutliveTheServer) {
  TestServer server;
  const std::string name = CreateGraph(&server).name();
  server.server().Drain(kLong);
  server.Restart();
  grpc::ClientContext context;
  v1::ListGraphsResponse response;
  ASSERT_TRUE(server.graphs().ListGraphs(&context, {}, &response).ok());
  ASSERT_EQ(response.graphs_size(), 1);
  EXPECT_EQ(response.graphs(0).name(), name);
}

}  // namespace
}  // namespace cajal::server
