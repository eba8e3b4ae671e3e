#include "server/model_service.h"

#include <chrono>
#include <utility>

#include "server/errors.h"
#include "server/forward_job.h"
#include "server/generate_job.h"
#include "server/prompt_conversion.h"
#include "server/server_info.h"
#include "server/start_call.h"
#include "server/start_job.h"

namespace cajal::server {

grpc::ServerUnaryReactor* ModelServiceImpl::GetServerInfo(grpc::CallbackServerContext* call,
                                                          const grpc::ByteBuffer*,
                                                          grpc::ByteBuffer* response) {
  auto* reply = new UnaryCall(context_->calls, call, response, "ModelService/GetServerInfo");
  const absl::StatusOr<Loaded> loaded = context_->lifecycle->Admit();
  if (!loaded.ok()) {
    reply->Fail(loaded.status());
    return reply;
  }
  const std::chrono::duration<double> uptime =
      std::chrono::steady_clock::now() - loaded->serving_since;
  v1::GetServerInfoResponse message;
  *message.mutable_server_info() =
      MakeServerInfo(loaded->engine->info(), context_->limits, *context_->opened, uptime.count());
  reply->Reply(message);
  return reply;
}

grpc::ServerUnaryReactor* ModelServiceImpl::Tokenize(grpc::CallbackServerContext* call,
                                                     const grpc::ByteBuffer* bytes,
                                                     grpc::ByteBuffer* response) {
  return StartUnary<v1::TokenizeRequest>(
      *context_, call, *bytes, response, "ModelService/Tokenize",
      [this](v1::TokenizeRequest request, UnaryCall* reply) -> absl::Status {
        const Engine* engine = context_->lifecycle->loaded().engine;
        ASSIGN_OR_RETURN(CreateGraphCall graph,
                         FromProto(std::move(request), engine->info().default_zero_positions));
        RETURN_IF_ERROR(engine->Validate(graph.request));
        return ScheduleReply<v1::TokenizeResponse>(
            context_->pool, reply,
            [engine, graph = std::move(graph)]() -> absl::StatusOr<v1::TokenizeResponse> {
              ASSIGN_OR_RETURN(const PreparedPrompt prepared, engine->Prepare(graph.prompt));
              v1::TokenizeResponse message;
              *message.mutable_tokenized_prompt() = ToProto(prepared.tokenized);
              const GraphEstimate estimate = engine->EstimateGraph(prepared, graph.request);
              message.mutable_graph_estimate()->set_bytes(estimate.bytes);
              message.mutable_graph_estimate()->set_n_active_features(estimate.n_active_features);
              message.mutable_graph_estimate()->set_n_rows(estimate.n_rows);
              message.mutable_graph_estimate()->set_operations(estimate.operations);
              return message;
            });
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ModelServiceImpl::Forward(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::ForwardRequest>(
      *context_, context_->pool, call, *bytes, "ModelService/Forward",
      [this, owner = OwnerOf(*call)](
          v1::ForwardRequest request,
          const std::shared_ptr<ResponseStream>& stream) -> absl::Status {
        const Loaded loaded = context_->lifecycle->loaded();
        ASSIGN_OR_RETURN(ForwardCall forward, FromProto(std::move(request), owner));
        return StartJob(*context_, loaded, "Forward", owner, stream, PresentForward(),
                        ForwardSteps(std::move(forward), loaded, context_->sessions));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ModelServiceImpl::Generate(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::GenerateRequest>(
      *context_, context_->pool, call, *bytes, "ModelService/Generate",
      [this, owner = OwnerOf(*call)](
          v1::GenerateRequest request,
          const std::shared_ptr<ResponseStream>& stream) -> absl::Status {
        const Loaded loaded = context_->lifecycle->loaded();
        ASSIGN_OR_RETURN(GenerateCall generate, FromProto(std::move(request), owner));
        return StartJob(*context_, loaded, "Generate", owner, stream, PresentGenerate(),
                        GenerateSteps(std::move(generate), loaded, context_->opened,
                                      context_->graphs, context_->sessions, stream));
      });
}

}  // namespace cajal::server
