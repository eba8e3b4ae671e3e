// Client's methods of cajal.v1.JobService.
#include <string>
#include <utility>

#include "client/cpp/client_impl.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

using Methods = ServiceCalls<v1::JobService>::Methods;

}  // namespace

void Client::ListJobsAsync(const PageRequest& request, const CallOptions& options,
                           Done<JobPage> done) {
  v1::ListJobsRequest message;
  message.set_page_size(request.page_size);
  message.set_page_token(request.page_token);
  impl_->jobs.Unary(
      MethodId::kListJobs, &Methods::ListJobs, options, std::move(message),
      [](const v1::ListJobsResponse& answer) {
        JobPage page;
        for (const v1::Job& job : answer.jobs()) page.jobs.push_back(FromProto(job));
        page.next_page_token = answer.next_page_token();
        return page;
      },
      std::move(done));
}

void Client::GetJobAsync(const std::string& name, const CallOptions& options, Done<Job> done) {
  impl_->jobs.Unary(
      MethodId::kGetJob, &Methods::GetJob, options, Named<v1::GetJobRequest>(name),
      [](const v1::GetJobResponse& answer) { return FromProto(answer.job()); }, std::move(done));
}

void Client::CancelJobAsync(const std::string& name, const CallOptions& options, Done<Job> done) {
  impl_->jobs.Unary(
      MethodId::kCancelJob, &Methods::CancelJob, options, Named<v1::CancelJobRequest>(name),
      [](const v1::CancelJobResponse& answer) { return FromProto(answer.job()); }, std::move(done));
}

absl::StatusOr<JobPage> Client::ListJobs(const PageRequest& request, const CallOptions& options) {
  return Await(this, &Client::ListJobsAsync, request, options);
}

absl::StatusOr<Job> Client::GetJob(const std::string& name, const CallOptions& options) {
  return Await(this, &Client::GetJobAsync, name, options);
}

absl::StatusOr<Job> Client::CancelJob(const std::string& name, const CallOptions& options) {
  return Await(this, &Client::CancelJobAsync, name, options);
}

}  // namespace cajal::client
