#include "server/model_service.h"

#include <chrono>
#include <utility>

#include "server/errors.h"
#include "server/forward_job.h"
#include "server/prompt_conversion.h"
#include "server/server_info.h"
#include "server/wire.h"

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
                                                     const grpc::ByteBuffer* request,
                                                     grpc::ByteBuffer* response) {
  auto* reply = new UnaryCall(context_->calls, call, response, "ModelService/Tokenize");
  const absl::Status status = CatchExceptions([&] { return StartTokenize(*request, reply); });
  if (!status.ok()) reply->Fail(status);
  return reply;
}

absl::Status ModelServiceImpl::StartTokenize(const grpc::ByteBuffer& bytes,
                                             UnaryCall* reply) const {
  ASSIGN_OR_RETURN(const Loaded loaded, context_->lifecycle->Admit());
  ASSIGN_OR_RETURN(v1::TokenizeRequest request, Parse<v1::TokenizeRequest>(bytes));
  ASSIGN_OR_RETURN(CreateGraphCall call,
                   FromProto(std::move(request), loaded.engine->info().default_zero_positions));
  RETURN_IF_ERROR(loaded.engine->Validate(call.request));
  return context_->pool->TrySchedule([reply, engine = loaded.engine, call = std::move(call)] {
    if (reply->client_gone()) return reply->Fail(ClientGoneError());
    v1::TokenizeResponse message;
    const absl::Status status = CatchExceptions([&]() -> absl::Status {
      ASSIGN_OR_RETURN(const PreparedPrompt prepared, engine->Prepare(call.prompt));
      *message.mutable_tokenized_prompt() = ToProto(prepared.tokenized);
      const GraphEstimate estimate = engine->EstimateGraph(prepared, call.request);
      message.mutable_graph_estimate()->set_bytes(estimate.bytes);
      message.mutable_graph_estimate()->set_n_active_features(estimate.n_active_features);
      message.mutable_graph_estimate()->set_n_rows(estimate.n_rows);
      message.mutable_graph_estimate()->set_operations(estimate.operations);
      return absl::OkStatus();
    });
    status.ok() ? reply->Reply(message) : reply->Fail(status);
  });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ModelServiceImpl::Forward(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* request) {
  const auto stream =
      ResponseStream::Create(context_->calls, context_->pool, call, "ModelService/Forward");
  const absl::Status status =
      CatchExceptions([&] { return StartForward(*request, OwnerOf(*call), stream); });
  if (!status.ok()) stream->Fail(status);
  return stream.get();
}

absl::Status ModelServiceImpl::StartForward(const grpc::ByteBuffer& bytes, const std::string& owner,
                                            const std::shared_ptr<ResponseStream>& stream) const {
  ASSIGN_OR_RETURN(const Loaded loaded, context_->lifecycle->Admit());
  ASSIGN_OR_RETURN(v1::ForwardRequest request, Parse<v1::ForwardRequest>(bytes));
  ASSIGN_OR_RETURN(ForwardCall call, FromProto(std::move(request)));
  const auto job = context_->jobs->FindOrCreate("Forward", owner, "").job;
  RETURN_IF_ERROR(loaded.runner->Enqueue(job));
  const bool followed =
      FollowJob(job, /*detach=*/false, loaded.runner, context_->pool, stream, PresentForward());
  loaded.runner->Start(job, ForwardSteps(std::move(call), loaded));
  return followed ? absl::OkStatus() : StoppedEarlyError(*job);
}

}  // namespace cajal::server
