#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

v1::ListJobsResponse List(TestServer* server, int32_t page_size, const std::string& token) {
  grpc::ClientContext context;
  v1::ListJobsRequest request;
  request.set_page_size(page_size);
  request.set_page_token(token);
  v1::ListJobsResponse response;
  EXPECT_TRUE(server->jobs().ListJobs(&context, request, &response).ok());
  return response;
}

TEST(JobServiceTest, TheRunningJobComesFirstThenTheWaitingThenTheFinished) {
  TestServer server;
  GraphCall finished(&server.graphs(), GraphRequest());
  ASSERT_TRUE(finished.Finish().ok());
  server.engine().CloseGate();
  GraphCall running(&server.graphs(), GraphRequest());
  ASSERT_TRUE(running.ReadUntilPhase("feature_rows"));
  GraphCall waiting(&server.graphs(), GraphRequest());
  ASSERT_TRUE(waiting.Read());

  const v1::ListJobsResponse page = List(&server, 2, "");
  ASSERT_EQ(page.jobs_size(), 2);
  EXPECT_EQ(page.jobs(0).name(), running.job());
  EXPECT_EQ(page.jobs(0).state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(page.jobs(1).name(), waiting.job());
  EXPECT_EQ(page.jobs(1).state(), v1::JOB_STATE_QUEUED);
  const v1::ListJobsResponse rest = List(&server, 2, page.next_page_token());
  ASSERT_EQ(rest.jobs_size(), 1);
  EXPECT_EQ(rest.jobs(0).name(), finished.job());
  EXPECT_EQ(rest.jobs(0).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(rest.jobs(0).graph(), finished.header()->graph().name());
  server.engine().OpenGate();
}

TEST(JobServiceTest, AFailedJobKeepsItsTypedError) {
  TestServer server;
  server.engine().FailNext(
      WithReason(absl::ResourceExhaustedError("no memory"), "DEVICE_OUT_OF_MEMORY"));
  GraphCall call(&server.graphs(), GraphRequest());
  ASSERT_FALSE(call.Finish().ok());
  const v1::Job job = server.GetJob(call.job());
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(job.error().code(), grpc::RESOURCE_EXHAUSTED);
  google::rpc::ErrorInfo info;
  ASSERT_EQ(job.error().details_size(), 1);
  ASSERT_TRUE(job.error().details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "DEVICE_OUT_OF_MEMORY");
}

TEST(JobServiceTest, AnUnknownJobIsNamed) {
  TestServer server;
  grpc::ClientContext context;
  v1::GetJobRequest request;
  request.set_name("jobs/99");
  v1::GetJobResponse response;
  const grpc::Status status = server.jobs().GetJob(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ResourceOf(status), "jobs/99");
}

TEST(JobServiceTest, OldFinishedJobsAreForgotten) {
  TestServer::Options options;
  options.server.max_finished_jobs = 2;
  TestServer server(options);
  for (int i = 0; i < 3; ++i) CreateGraph(&server);
  const v1::ListJobsResponse page = List(&server, 0, "");
  ASSERT_EQ(page.jobs_size(), 2);
  EXPECT_EQ(page.jobs(0).name(), "jobs/3");
  EXPECT_EQ(page.jobs(1).name(), "jobs/2");
}

}  // namespace
}  // namespace cajal::server
