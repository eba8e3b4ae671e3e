// Cancellation, disconnection and deadlines, at each stage of a call.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

// Each of these ends with a good call, which also shows that the executor is free.

TEST(CancelTest, ACallThatIsCancelledBeforeItIsSentLeavesNothingBehind) {
  TestServer server;
  GraphCall call(&server.graphs(), GraphRequest());
  call.Cancel();
  EXPECT_EQ(call.Finish().error_code(), grpc::CANCELLED);
  CreateGraph(&server);
}

TEST(CancelTest, AJobThatIsCancelledWhileItIsPreparedNeverStarts) {
  TestServer server;
  server.engine().ClosePrepareGate();
  GraphCall call(&server.graphs(), GraphRequest());
  ASSERT_TRUE(call.Read());
  server.engine().WaitUntilPrepareBlocked();
  call.Cancel();
  EXPECT_EQ(call.Finish().error_code(), grpc::CANCELLED);
  EXPECT_EQ(server.WaitForJob(call.job()).state(), v1::JOB_STATE_CANCELLED);
  server.engine().OpenPrepareGate();
  CreateGraph(&server);
  EXPECT_EQ(server.engine().computations(), 1);
}

TEST(CancelTest, AJobThatIsCancelledInTheQueueNeverStarts) {
  TestServer server;
  server.engine().CloseGate();
  GraphCall running(&server.graphs(), GraphRequest());
  server.engine().WaitUntilBlocked();
  GraphCall waiting(&server.graphs(), GraphRequest());
  ASSERT_TRUE(waiting.Read());
  waiting.Cancel();
  EXPECT_EQ(waiting.Finish().error_code(), grpc::CANCELLED);
  const v1::Job job = server.WaitForJob(waiting.job());
  EXPECT_EQ(job.state(), v1::JOB_STATE_CANCELLED);
  EXPECT_FALSE(job.has_start_time());
  server.engine().OpenGate();
  EXPECT_TRUE(running.Finish().ok());
  EXPECT_EQ(server.engine().computations(), 1);
  CreateGraph(&server);
}

TEST(CancelTest, ARunningJobStopsWithinOneBatch) {
  TestServer server;
  server.engine().CloseGate();
  GraphCall call(&server.graphs(), GraphRequest());
  ASSERT_TRUE(call.ReadUntilPhase("feature_rows"));
  server.engine().LetOneBatchPass();
  server.engine().WaitUntilBlocked();
  call.Cancel();
  EXPECT_EQ(call.Finish().error_code(), grpc::CANCELLED);
  const v1::Job job = server.WaitForJob(call.job());
  EXPECT_EQ(job.state(), v1::JOB_STATE_CANCELLED);
  EXPECT_THAT(job.error().message(), testing::HasSubstr("1 of 3 done"));
  EXPECT_EQ(server.engine().batches(), 1);
  server.engine().OpenGate();
  CreateGraph(&server);
}

TEST(CancelTest, ADeadlineStopsTheComputation) {
  TestServer server;
  server.engine().CloseGate();
  GraphCall call(&server.graphs(), GraphRequest(), std::chrono::milliseconds(300));
  EXPECT_EQ(call.Finish().error_code(), grpc::DEADLINE_EXCEEDED);
  ASSERT_FALSE(call.job().empty());
  const v1::Job job = server.WaitForJob(call.job());
  EXPECT_EQ(job.state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(job.error().code(), grpc::DEADLINE_EXCEEDED);
  server.engine().OpenGate();
  CreateGraph(&server);
}

TEST(CancelTest, ADisconnectStopsTheComputation) {
  TestServer server;
  server.engine().CloseGate();
  std::string job;
  {
    const auto channel = server.NewChannel();
    const auto stub = v1::GraphService::NewStub(channel);
    GraphCall call(stub.get(), GraphRequest());
    ASSERT_TRUE(call.ReadUntilPhase("feature_rows"));
    job = call.job();
  }  // the call, its stub and its connection are destroyed without a word
  EXPECT_EQ(server.WaitForJob(job).state(), v1::JOB_STATE_CANCELLED);
  server.engine().OpenGate();
  CreateGraph(&server);
}

TEST(CancelTest, AStreamThatIsCancelledWhileItIsWrittenEndsAndTheGraphStays) {
  TestServer server;
  server.engine().set_features_per_layer(1500);  // 2.3 million edges, some 20 MB
  v1::CreateGraphRequest request = GraphRequest();
  request.set_view(v1::GRAPH_VIEW_FULL);
  GraphCall call(&server.graphs(), request);
  while (call.n_edges() == 0) ASSERT_TRUE(call.Read());
  call.Cancel();
  EXPECT_EQ(call.Finish().error_code(), grpc::CANCELLED);
  EXPECT_LT(call.n_edges(), call.header()->n_edges());
  EXPECT_EQ(server.GetJob(call.job()).state(), v1::JOB_STATE_SUCCEEDED);
  server.engine().set_features_per_layer(2);
  CreateGraph(&server);
}

TEST(CancelTest, CancellingAJobEndsItsCallWithCancelled) {
  TestServer server;
  server.engine().CloseGate();
  GraphCall call(&server.graphs(), GraphRequest());
  ASSERT_TRUE(call.ReadUntilPhase("feature_rows"));
  grpc::ClientContext context;
  v1::CancelJobRequest request;
  request.set_name(call.job());
  v1::CancelJobResponse response;
  ASSERT_TRUE(server.jobs().CancelJob(&context, request, &response).ok());
  const grpc::Status status = call.Finish();
  EXPECT_EQ(status.error_code(), grpc::CANCELLED);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("0 of 3 done"));
  server.engine().OpenGate();
  CreateGraph(&server);
}

TEST(CancelTest, CancellingAfterTheEndChangesNothing) {
  TestServer server;
  GraphCall call(&server.graphs(), GraphRequest());
  ASSERT_TRUE(call.Finish().ok());
  call.Cancel();
  grpc::ClientContext context;
  v1::CancelJobRequest request;
  request.set_name(call.job());
  v1::CancelJobResponse response;
  ASSERT_TRUE(server.jobs().CancelJob(&context, request, &response).ok());
  EXPECT_EQ(response.job().state(), v1::JOB_STATE_SUCCEEDED);
}

}  // namespace
}  // namespace cajal::server
