#include "server/intervention_service.h"

#include <memory>
#include <string>
#include <utility>

#include "server/cut_job.h"
#include "server/intervention_job.h"
#include "server/patch_job.h"
#include "server/session_calls.h"
#include "server/start_call.h"
#include "server/start_job.h"
#include "server/validation_job.h"

namespace cajal::server {
namespace {

// Has `answer` made on the pool that writes.
template <typename Request, typename Response>
grpc::ServerUnaryReactor* AnswerAboutSessions(
    const ServiceContext* context, grpc::CallbackServerContext* call, const grpc::ByteBuffer& bytes,
    grpc::ByteBuffer* response, const std::string& method,
    absl::StatusOr<Response> (*answer)(const ServiceContext&, const SessionCaller&,
                                       const Request&)) {
  return StartUnary<Request>(
      *context, call, bytes, response, "InterventionService/" + method,
      [context, answer, owner = OwnerOf(*call)](Request request, UnaryCall* reply) -> absl::Status {
        const Engine* engine = context->lifecycle->loaded().engine;
        return ScheduleReply<Response>(
            context->pool, reply, [context, answer, owner, engine, request = std::move(request)] {
              return answer(*context, {.owner = owner, .info = engine->info()}, request);
            });
      });
}

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* InterventionServiceImpl::Intervene(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::InterveneRequest>(
      *context_, context_->pool, call, *bytes, "InterventionService/Intervene",
      [this, owner = OwnerOf(*call)](
          v1::InterveneRequest request,
          const std::shared_ptr<ResponseStream>& stream) -> absl::Status {
        const Loaded loaded = context_->lifecycle->loaded();
        ASSIGN_OR_RETURN(InterveneCall intervene, FromProto(std::move(request), owner));
        return StartJob(*context_, loaded, "Intervene", owner, stream, PresentIntervene(),
                        InterveneSteps(std::move(intervene), loaded, context_->opened,
                                       context_->graphs, context_->sessions));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* InterventionServiceImpl::PatchActivations(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::PatchActivationsRequest>(
      *context_, context_->pool, call, *bytes, "InterventionService/PatchActivations",
      [this, owner = OwnerOf(*call)](
          v1::PatchActivationsRequest request,
          const std::shared_ptr<ResponseStream>& stream) -> absl::Status {
        const Loaded loaded = context_->lifecycle->loaded();
        ASSIGN_OR_RETURN(PatchCall patch, FromProto(std::move(request), owner));
        return StartJob(*context_, loaded, "PatchActivations", owner, stream, PresentPatch(),
                        PatchSteps(std::move(patch), loaded, context_->opened, context_->graphs,
                                   context_->sessions));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* InterventionServiceImpl::CutEdges(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::CutEdgesRequest>(
      *context_, context_->pool, call, *bytes, "InterventionService/CutEdges",
      [this, owner = OwnerOf(*call)](
          v1::CutEdgesRequest request,
          const std::shared_ptr<ResponseStream>& stream) -> absl::Status {
        const Loaded loaded = context_->lifecycle->loaded();
        ASSIGN_OR_RETURN(CutCall cut, FromProto(std::move(request)));
        return StartJob(*context_, loaded, "CutEdges", owner, stream, PresentCut(),
                        CutSteps(std::move(cut), loaded));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* InterventionServiceImpl::ValidateEdges(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::ValidateEdgesRequest>(
      *context_, context_->pool, call, *bytes, "InterventionService/ValidateEdges",
      [this, owner = OwnerOf(*call)](
          v1::ValidateEdgesRequest request,
          const std::shared_ptr<ResponseStream>& stream) -> absl::Status {
        const Loaded loaded = context_->lifecycle->loaded();
        ASSIGN_OR_RETURN(ValidationCall validation, FromProto(std::move(request)));
        return StartJob(
            *context_, loaded, "ValidateEdges", owner, stream, PresentValidation(),
            ValidationSteps(std::move(validation), loaded, context_->opened, context_->graphs));
      });
}

grpc::ServerUnaryReactor* InterventionServiceImpl::CreateSession(grpc::CallbackServerContext* call,
                                                                 const grpc::ByteBuffer* bytes,
                                                                 grpc::ByteBuffer* response) {
  return AnswerAboutSessions(context_, call, *bytes, response, "CreateSession",
                             server::CreateSession);
}

grpc::ServerUnaryReactor* InterventionServiceImpl::GetSession(grpc::CallbackServerContext* call,
                                                              const grpc::ByteBuffer* bytes,
                                                              grpc::ByteBuffer* response) {
  return AnswerAboutSessions(context_, call, *bytes, response, "GetSession", server::GetSession);
}

grpc::ServerUnaryReactor* InterventionServiceImpl::ListSessions(grpc::CallbackServerContext* call,
                                                                const grpc::ByteBuffer* bytes,
                                                                grpc::ByteBuffer* response) {
  return AnswerAboutSessions(context_, call, *bytes, response, "ListSessions",
                             server::ListSessions);
}

grpc::ServerUnaryReactor* InterventionServiceImpl::UpdateSession(grpc::CallbackServerContext* call,
                                                                 const grpc::ByteBuffer* bytes,
                                                                 grpc::ByteBuffer* response) {
  return AnswerAboutSessions(context_, call, *bytes, response, "UpdateSession",
                             server::UpdateSession);
}

grpc::ServerUnaryReactor* InterventionServiceImpl::DeleteSession(grpc::CallbackServerContext* call,
                                                                 const grpc::ByteBuffer* bytes,
                                                                 grpc::ByteBuffer* response) {
  return AnswerAboutSessions(context_, call, *bytes, response, "DeleteSession",
                             server::DeleteSession);
}

}  // namespace cajal::server
