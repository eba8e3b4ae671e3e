// cajal.v1.JobService. Answers at once, on gRPC's callback threads; works while the server loads
// and drains, too.
#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "cajal/v1/job_service.grpc.pb.h"
#include "server/service_context.h"

namespace cajal::server {

class JobServiceImpl final
    : public v1::JobService::WithRawCallbackMethod_ListJobs<
          v1::JobService::WithRawCallbackMethod_GetJob<
              v1::JobService::WithRawCallbackMethod_CancelJob<v1::JobService::Service>>> {
 public:
  // `context` outlives the service.
  explicit JobServiceImpl(const ServiceContext* context) : context_(context) {}

  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* call,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* call,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* call,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;

 private:
  [[nodiscard]] absl::StatusOr<v1::ListJobsResponse> ListJobs(const grpc::ByteBuffer& bytes) const;
  [[nodiscard]] absl::StatusOr<v1::GetJobResponse> GetJob(const grpc::ByteBuffer& bytes) const;
  [[nodiscard]] absl::StatusOr<v1::CancelJobResponse> CancelJob(
      const grpc::ByteBuffer& bytes) const;

  const ServiceContext* const context_;
};

}  // namespace cajal::server
