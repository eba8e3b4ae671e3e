#include "server/intervention_service.h"

#include <memory>
#include <utility>

#include "server/cut_job.h"
#include "server/intervention_job.h"
#include "server/patch_job.h"
#include "server/start_call.h"

namespace cajal::server {

grpc::ServerWriteReactor<grpc::ByteBuffer>* InterventionServiceImpl::Intervene(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::InterveneRequest>(
      *context_, context_->pool, call, *bytes, "InterventionService/Intervene",
      [this, owner = OwnerOf(*call)](
          v1::InterveneRequest request,
          const std::shared_ptr<ResponseStream>& stream) -> absl::Status {
        const Loaded loaded = context_->lifecycle->loaded();
        ASSIGN_OR_RETURN(InterveneCall intervene, FromProto(std::move(request)));
        const auto job = context_->jobs->FindOrCreate("Intervene", owner, "").job;
        RETURN_IF_ERROR(loaded.runner->Enqueue(job));
        const bool followed = FollowJob(job, /*detach=*/false, loaded.runner, context_->pool,
                                        stream, PresentIntervene());
        loaded.runner->Start(
            job, InterveneSteps(std::move(intervene), loaded, context_->opened, context_->graphs));
        return followed ? absl::OkStatus() : StoppedEarlyError(*job);
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
        ASSIGN_OR_RETURN(PatchCall patch, FromProto(std::move(request)));
        const auto job = context_->jobs->FindOrCreate("PatchActivations", owner, "").job;
        RETURN_IF_ERROR(loaded.runner->Enqueue(job));
        const bool followed =
            FollowJob(job, /*detach=*/false, loaded.runner, context_->pool, stream, PresentPatch());
        loaded.runner->Start(
            job, PatchSteps(std::move(patch), loaded, context_->opened, context_->graphs));
        return followed ? absl::OkStatus() : StoppedEarlyError(*job);
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
        const auto job = context_->jobs->FindOrCreate("CutEdges", owner, "").job;
        RETURN_IF_ERROR(loaded.runner->Enqueue(job));
        const bool followed =
            FollowJob(job, /*detach=*/false, loaded.runner, context_->pool, stream, PresentCut());
        loaded.runner->Start(job, CutSteps(std::move(cut), loaded));
        return followed ? absl::OkStatus() : StoppedEarlyError(*job);
      });
}

}  // namespace cajal::server
