// Client's methods of cajal.v1.HeatmapService.
#include <utility>

#include "client/cpp/assemble_rollout.h"
#include "client/cpp/client_impl.h"
#include "client/cpp/wire_heatmap.h"

namespace cajal::client {
namespace {

using Methods = ServiceCalls<v1::HeatmapService>::Methods;

}  // namespace

void Client::ComputeRolloutAsync(const ComputeRolloutRequest& request, const CallOptions& options,
                                 Done<Rollout> done) {
  impl_->heatmaps.Stream<RolloutAssembler>(MethodId::kComputeRollout, &Methods::ComputeRollout,
                                           options, ToProto(request), std::move(done));
}

absl::StatusOr<Rollout> Client::ComputeRollout(const ComputeRolloutRequest& request,
                                               const CallOptions& options) {
  return Await(this, &Client::ComputeRolloutAsync, request, options);
}

}  // namespace cajal::client
