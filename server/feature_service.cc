#include "server/feature_service.h"

#include <utility>

#include "server/evaluation_job.h"
#include "server/start_call.h"
#include "server/start_job.h"

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
        JobPresentation presentation = PresentEvaluation(evaluation.dense_threshold);
        return StartJob(*context_, loaded, "EvaluateTranscoders", owner, stream,
                        std::move(presentation), EvaluationSteps(std::move(evaluation), loaded));
      });
}

}  // namespace cajal::server
