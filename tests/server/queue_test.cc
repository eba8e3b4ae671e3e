// The queue as clients see it: order, positions, and being full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

std::string TrailerOf(const grpc::ClientContext& context, const std::string& key) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find(key);
  return found == trailers.end() ? "" : std::string(found->second.data(), found->second.size());
}

TEST(QueueTest, AFullQueueRefusesWithTheTimeToWaitAndTakesWorkAgainLater) {
  TestServer::Options options;
  options.server.limits.queue_size = 1;
  TestServer server(options);
  server.engine().CloseGate();
  GraphCall running(&server.graphs(), GraphRequest());
  server.engine().WaitUntilBlocked();
  GraphCall waiting(&server.graphs(), GraphRequest());
  ASSERT_TRUE(waiting.Read());

  GraphCall refused(&server.graphs(), GraphRequest());
  const grpc::Status status = refused.Finish();
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "QUEUE_FULL");
  EXPECT_EQ(RetrySecondsOf(status), 1.0);
  EXPECT_EQ(TrailerOf(refused.context(), "grpc-retry-pushback-ms"), "1000");
  EXPECT_EQ(refused.job(), "");

  server.engine().OpenGate();
  EXPECT_TRUE(running.Finish().ok());
  EXPECT_TRUE(waiting.Finish().ok());
  CreateGraph(&server);
}

TEST(QueueTest, WhatNeverHelpsIsNotToBeRetried) {
  TestServer server;
  server.archive().set_disk_full(true);
  GraphCall call(&server.graphs(), GraphRequest());
  EXPECT_EQ(call.Finish().error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(TrailerOf(call.context(), "grpc-retry-pushback-ms"), "-1");
}

TEST(QueueTest, AWaitingJobIsToldHowManyAreBeforeIt) {
  TestServer server;
  server.engine().CloseGate();
  GraphCall first(&server.graphs(), GraphRequest());
  server.engine().WaitUntilBlocked();
  GraphCall second(&server.graphs(), GraphRequest());
  ASSERT_TRUE(second.Read());
  GraphCall third(&server.graphs(), GraphRequest());
  ASSERT_TRUE(third.Read());
  EXPECT_EQ(server.GetJob(second.job()).progress().queue_position(), 1);
  EXPECT_EQ(server.GetJob(third.job()).progress().queue_position(), 2);

  second.Cancel();
  EXPECT_EQ(server.WaitForJob(second.job()).state(), v1::JOB_STATE_CANCELLED);
  while (third.progress().queue_position() != 1) ASSERT_TRUE(third.Read());
  server.engine().OpenGate();
  EXPECT_TRUE(first.Finish().ok());
  EXPECT_TRUE(third.Finish().ok());
}

TEST(QueueTest, AJobThatFailsToBePreparedLeavesTheQueueAtOnce) {
  TestServer server;
  server.engine().CloseGate();
  GraphCall running(&server.graphs(), GraphRequest());
  server.engine().WaitUntilBlocked();
  v1::CreateGraphRequest bad = GraphRequest();
  bad.mutable_prompt()->add_parts()->mutable_image()->set_data("no picture");
  GraphCall refused(&server.graphs(), bad);
  EXPECT_EQ(refused.Finish().error_code(), grpc::INVALID_ARGUMENT);
  server.engine().OpenGate();
  EXPECT_TRUE(running.Finish().ok());
}

}  // namespace
}  // namespace cajal::server
