#include "server/heatmap_service.h"

#include <utility>

#include "server/rollout_job.h"
#include "server/start_call.h"
#include "server/start_job.h"

namespace cajal::server {

grpc::ServerWriteReactor<grpc::ByteBuffer>* HeatmapServiceImpl::ComputeRollout(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::ComputeRolloutRequest>(
      *context_, context_->pool, call, *bytes, "HeatmapService/ComputeRollout",
      [this, owner = OwnerOf(*call)](
          v1::ComputeRolloutRequest request,
          const std::shared_ptr<ResponseStream>& stream) -> absl::Status {
        const Loaded loaded = context_->lifecycle->loaded();
        ASSIGN_OR_RETURN(ComputeRolloutCall rollout,
                         FromProto(std::move(request), loaded.engine->info().n_vision_layers));
        return StartJob(*context_, loaded, "ComputeRollout", owner, stream, PresentRollout(),
                        RolloutSteps(std::move(rollout), loaded, context_->opened, context_->graphs,
                                     context_->limits.max_image_pixels));
      });
}

}  // namespace cajal::server
