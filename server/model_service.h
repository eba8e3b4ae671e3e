// cajal.v1.ModelService. The handlers run on gRPC's callback threads: they parse, validate,
// enqueue.
#pragma once

#include <grpcpp/grpcpp.h>

#include "cajal/v1/model_service.grpc.pb.h"
#include "server/service_context.h"

namespace cajal::server {

class ModelServiceImpl final
    : public v1::ModelService::WithRawCallbackMethod_GetServerInfo<
          v1::ModelService::WithRawCallbackMethod_Tokenize<
              v1::ModelService::WithRawCallbackMethod_Forward<
                  v1::ModelService::WithRawCallbackMethod_Generate<v1::ModelService::Service>>>> {
 public:
  // `context` outlives the service.
  explicit ModelServiceImpl(const ServiceContext* context) : context_(context) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* call,
                                          const grpc::ByteBuffer* bytes,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* call,
                                     const grpc::ByteBuffer* bytes,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Generate(grpc::CallbackServerContext* call,
                                                       const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Forward(grpc::CallbackServerContext* call,
                                                      const grpc::ByteBuffer* bytes) override;

 private:
  const ServiceContext* const context_;
};

}  // namespace cajal::server
