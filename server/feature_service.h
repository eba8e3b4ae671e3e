// cajal.v1.FeatureService. The handlers run on gRPC's callback threads: they parse, validate,
// enqueue.
#pragma once

#include <grpcpp/grpcpp.h>

#include "cajal/v1/feature_service.grpc.pb.h"
#include "server/service_context.h"

namespace cajal::server {

class FeatureServiceImpl final
    : public v1::FeatureService::WithRawCallbackMethod_EvaluateTranscoders<
          v1::FeatureService::Service> {
 public:
  // `context` outlives the service.
  explicit FeatureServiceImpl(const ServiceContext* context) : context_(context) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* EvaluateTranscoders(
      grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) override;

 private:
  const ServiceContext* const context_;
};

}  // namespace cajal::server
