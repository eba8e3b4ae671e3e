// cajal.v1.HeatmapService. The handlers run on gRPC's callback threads: they parse, validate,
// enqueue.
#pragma once

#include <grpcpp/grpcpp.h>

#include "cajal/v1/heatmap_service.grpc.pb.h"
#include "server/service_context.h"

namespace cajal::server {

class HeatmapServiceImpl final
    : public v1::HeatmapService::WithRawCallbackMethod_ComputeRollout<v1::HeatmapService::Service> {
 public:
  // `context` outlives the service.
  explicit HeatmapServiceImpl(const ServiceContext* context) : context_(context) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* ComputeRollout(
      grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) override;

 private:
  const ServiceContext* const context_;
};

}  // namespace cajal::server
