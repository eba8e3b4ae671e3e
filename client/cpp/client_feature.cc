// Client's methods of cajal.v1.FeatureService.
#include <utility>

#include "client/cpp/assemble.h"
#include "client/cpp/client_impl.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

using Methods = ServiceCalls<v1::FeatureService>::Methods;

}  // namespace

void Client::EvaluateTranscodersAsync(const EvaluateTranscodersRequest& request,
                                      const CallOptions& options, Done<TranscoderEvaluation> done) {
  impl_->features.Stream<EvaluationAssembler>(MethodId::kEvaluateTranscoders,
                                              &Methods::EvaluateTranscoders, options,
                                              ToProto(request), std::move(done));
}

absl::StatusOr<TranscoderEvaluation> Client::EvaluateTranscoders(
    const EvaluateTranscodersRequest& request, const CallOptions& options) {
  return Await(this, &Client::EvaluateTranscodersAsync, request, options);
}

}  // namespace cajal::client
