#include "server/intervention_service.h"

#include <memory>
#include <utility>

#include "server/intervention_job.h"
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

}  // namespace cajal::server
