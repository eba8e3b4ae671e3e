// Client's methods of cajal.v1.InterventionService.
#include <utility>

#include "client/cpp/assemble_intervention.h"
#include "client/cpp/client_impl.h"
#include "client/cpp/wire_intervention.h"

namespace cajal::client {
namespace {

using Methods = ServiceCalls<v1::InterventionService>::Methods;

}  // namespace

void Client::InterveneAsync(const InterveneRequest& request, const CallOptions& options,
                            Done<InterventionResult> done) {
  impl_->interventions.Stream<InterventionAssembler>(MethodId::kIntervene, &Methods::Intervene,
                                                     options, ToProto(request), std::move(done));
}

absl::StatusOr<InterventionResult> Client::Intervene(const InterveneRequest& request,
                                                     const CallOptions& options) {
  return Await(this, &Client::InterveneAsync, request, options);
}

}  // namespace cajal::client
