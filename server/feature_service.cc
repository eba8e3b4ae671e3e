#include "server/feature_service.h"

#include <utility>

#include "server/evaluation_job.h"
#include "server/start_call.h"

namespace cajal::server {

grpc::ServerWriteReactor<grpc::ByteBuffer>* FeatureServiceImpl::EvaluateTranscoders(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::EvaluateTranscodersRequest>(
      *context_, context_->pool, call, *bytes, "FeatureService/EvaluateTranscoders",
      [this, owner = OwnerOf(*call)](
          v1::EvaluateTranscodersRequest request,
          const std::shared_ptr<ResponseStream>& stream) -> absl::Status {
        const Loaded loaded = context_->lifecycle->loaded();
        ASSIGN_OR_RETURN(EvaluationCall evaluation,
                         FromProto(std::move(request), loaded.engine->info().n_layers));
        const auto job = context_->jobs->FindOrCreate("EvaluateTranscoders", owner, "").job;
        RETURN_IF_ERROR(loaded.runner->Enqueue(job));
        const bool followed = FollowJob(job, /*detach=*/false, loaded.runner, context_->pool,
                                        stream, PresentEvaluation(evaluation.dense_threshold));
        loaded.runner->Start(job, EvaluationSteps(std::move(evaluation), loaded));
        return followed ? absl::OkStatus() : StoppedEarlyError(*job);
      });
}

}  // namespace cajal::server
