// cajal.v1.GraphService. The handlers run on gRPC's callback threads: they parse, validate,
// enqueue. Stored graphs are read, pruned, scored and exported by the readers.
#pragma once

#include <grpcpp/grpcpp.h>

#include "cajal/v1/graph_service.grpc.pb.h"
#include "server/service_context.h"

namespace cajal::server {

class GraphServiceImpl final
    : public v1::GraphService::WithRawCallbackMethod_CreateGraph<
          v1::GraphService::WithRawCallbackMethod_GetGraph<
              v1::GraphService::WithRawCallbackMethod_PruneGraph<
                  v1::GraphService::WithRawCallbackMethod_ScoreGraph<
                      v1::GraphService::WithRawCallbackMethod_ListGraphs<
                          v1::GraphService::WithRawCallbackMethod_WatchGraphs<
                              v1::GraphService::WithRawCallbackMethod_DeleteGraph<
                                  v1::GraphService::WithRawCallbackMethod_GetAnnotations<
                                      v1::GraphService::WithRawCallbackMethod_UpdateGraph<
                                          v1::GraphService::WithRawCallbackMethod_FoldGraph<
                                              v1::GraphService::WithRawCallbackMethod_CompareGraphs<
                                                  v1::GraphService::WithRawCallbackMethod_FindPaths<
                                                      v1::GraphService::WithRawCallbackMethod_FindCone<
                                                          v1::GraphService::
                                                              WithRawCallbackMethod_ExportGraph<
                                                                  v1::GraphService::
                                                                      WithRawCallbackMethod_ImportGraph<
                                                                          v1::GraphService::
                                                                              Service>>>>>>>>>>>>>>> {
 public:
  // `context` outlives the service.
  explicit GraphServiceImpl(const ServiceContext* context) : context_(context) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* CreateGraph(grpc::CallbackServerContext* call,
                                                          const grpc::ByteBuffer* bytes) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* GetGraph(grpc::CallbackServerContext* call,
                                                       const grpc::ByteBuffer* bytes) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* PruneGraph(grpc::CallbackServerContext* call,
                                                         const grpc::ByteBuffer* bytes) override;
  grpc::ServerUnaryReactor* ScoreGraph(grpc::CallbackServerContext* call,
                                       const grpc::ByteBuffer* bytes,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListGraphs(grpc::CallbackServerContext* call,
                                       const grpc::ByteBuffer* bytes,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchGraphs(grpc::CallbackServerContext* call,
                                                          const grpc::ByteBuffer* bytes) override;
  grpc::ServerUnaryReactor* DeleteGraph(grpc::CallbackServerContext* call,
                                        const grpc::ByteBuffer* bytes,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetAnnotations(grpc::CallbackServerContext* call,
                                           const grpc::ByteBuffer* bytes,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* UpdateGraph(grpc::CallbackServerContext* call,
                                        const grpc::ByteBuffer* bytes,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* FoldGraph(grpc::CallbackServerContext* call,
                                                        const grpc::ByteBuffer* bytes) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* CompareGraphs(grpc::CallbackServerContext* call,
                                                            const grpc::ByteBuffer* bytes) override;
  grpc::ServerUnaryReactor* FindPaths(grpc::CallbackServerContext* call,
                                      const grpc::ByteBuffer* bytes,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* FindCone(grpc::CallbackServerContext* call,
                                     const grpc::ByteBuffer* bytes,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* ExportGraph(grpc::CallbackServerContext* call,
                                                          const grpc::ByteBuffer* bytes) override;
  grpc::ServerUnaryReactor* ImportGraph(grpc::CallbackServerContext* call,
                                        const grpc::ByteBuffer* bytes,
                                        grpc::ByteBuffer* response) override;

 private:
  const ServiceContext* const context_;
};

}  // namespace cajal::server
