#include "server/job_service.h"

#include <vector>

#include "server/job_conversion.h"
#include "server/request_conversion.h"
#include "server/unary_call.h"
#include "server/wire.h"

namespace cajal::server {

grpc::ServerUnaryReactor* JobServiceImpl::ListJobs(grpc::CallbackServerContext* call,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  auto* reply = new UnaryCall(context_->calls, call, response, "JobService/ListJobs");
  reply->ReplyOrFail(ListJobs(*request));
  return reply;
}

absl::StatusOr<v1::ListJobsResponse> JobServiceImpl::ListJobs(const grpc::ByteBuffer& bytes) const {
  ASSIGN_OR_RETURN(const v1::ListJobsRequest request, Parse<v1::ListJobsRequest>(bytes));
  const std::vector<JobInfo> jobs = context_->jobs->List();
  ASSIGN_OR_RETURN(const Page page, PageOf(static_cast<int32_t>(jobs.size()), request.page_size(),
                                           request.page_token()));
  v1::ListJobsResponse response;
  for (int32_t i = page.begin; i < page.end; ++i) *response.add_jobs() = ToProto(jobs[i]);
  response.set_next_page_token(page.next_page_token);
  return response;
}

grpc::ServerUnaryReactor* JobServiceImpl::GetJob(grpc::CallbackServerContext* call,
                                                 const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) {
  auto* reply = new UnaryCall(context_->calls, call, response, "JobService/GetJob");
  reply->ReplyOrFail(GetJob(*request));
  return reply;
}

absl::StatusOr<v1::GetJobResponse> JobServiceImpl::GetJob(const grpc::ByteBuffer& bytes) const {
  ASSIGN_OR_RETURN(const v1::GetJobRequest request, Parse<v1::GetJobRequest>(bytes));
  ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "jobs"));
  ASSIGN_OR_RETURN(const auto job, context_->jobs->Find(id));
  v1::GetJobResponse response;
  *response.mutable_job() = ToProto(job->info());
  return response;
}

grpc::ServerUnaryReactor* JobServiceImpl::CancelJob(grpc::CallbackServerContext* call,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) {
  auto* reply = new UnaryCall(context_->calls, call, response, "JobService/CancelJob");
  reply->ReplyOrFail(CancelJob(*request));
  return reply;
}

absl::StatusOr<v1::CancelJobResponse> JobServiceImpl::CancelJob(
    const grpc::ByteBuffer& bytes) const {
  ASSIGN_OR_RETURN(const v1::CancelJobRequest request, Parse<v1::CancelJobRequest>(bytes));
  ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "jobs"));
  ASSIGN_OR_RETURN(const auto job, context_->jobs->Find(id));
  if (!job->info().is_final()) {
    context_->lifecycle->loaded().runner->Cancel(job, absl::StatusCode::kCancelled);
  }
  v1::CancelJobResponse response;
  *response.mutable_job() = ToProto(job->info());
  return response;
}

}  // namespace cajal::server
