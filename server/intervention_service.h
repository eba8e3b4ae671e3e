// cajal.v1.InterventionService. The handlers run on gRPC's callback threads: they parse, validate,
// enqueue.
#pragma once

#include <grpcpp/grpcpp.h>

#include "cajal/v1/intervention_service.grpc.pb.h"
#include "server/service_context.h"

namespace cajal::server {

class InterventionServiceImpl final
    : public v1::InterventionService::WithRawCallbackMethod_Intervene<
          v1::InterventionService::WithRawCallbackMethod_PatchActivations<
              v1::InterventionService::WithRawCallbackMethod_CutEdges<
                  v1::InterventionService::WithRawCallbackMethod_ValidateEdges<
                      v1::InterventionService::WithRawCallbackMethod_CreateSession<
                          v1::InterventionService::WithRawCallbackMethod_GetSession<
                              v1::InterventionService::WithRawCallbackMethod_ListSessions<
                                  v1::InterventionService::WithRawCallbackMethod_UpdateSession<
                                      v1::InterventionService::WithRawCallbackMethod_DeleteSession<
                                          v1::InterventionService::Service>>>>>>>>> {
 public:
  // `context` outlives the service.
  explicit InterventionServiceImpl(const ServiceContext* context) : context_(context) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Intervene(grpc::CallbackServerContext* call,
                                                        const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* PatchActivations(
      grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* CutEdges(grpc::CallbackServerContext* call,
                                                       const grpc::ByteBuffer* bytes) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* ValidateEdges(grpc::CallbackServerContext* call,
                                                            const grpc::ByteBuffer* bytes) override;
  grpc::ServerUnaryReactor* CreateSession(grpc::CallbackServerContext* call,
                                          const grpc::ByteBuffer* bytes,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetSession(grpc::CallbackServerContext* call,
                                       const grpc::ByteBuffer* bytes,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListSessions(grpc::CallbackServerContext* call,
                                         const grpc::ByteBuffer* bytes,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* UpdateSession(grpc::CallbackServerContext* call,
                                          const grpc::ByteBuffer* bytes,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteSession(grpc::CallbackServerContext* call,
                                          const grpc::ByteBuffer* bytes,
                                          grpc::ByteBuffer* response) override;

 private:
  const ServiceContext* const context_;
};

}  // namespace cajal::server
