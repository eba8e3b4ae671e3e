// Client's methods of cajal.v1.InterventionService.
#include <utility>

#include "client/cpp/assemble_cut.h"
#include "client/cpp/assemble_intervention.h"
#include "client/cpp/assemble_patch.h"
#include "client/cpp/assemble_validation.h"
#include "client/cpp/client_impl.h"
#include "client/cpp/wire_cut.h"
#include "client/cpp/wire_intervention.h"
#include "client/cpp/wire_patch.h"
#include "client/cpp/wire_validation.h"

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

void Client::PatchActivationsAsync(const PatchRequest& request, const CallOptions& options,
                                   Done<PatchResult> done) {
  impl_->interventions.Stream<PatchAssembler>(MethodId::kPatchActivations,
                                              &Methods::PatchActivations, options, ToProto(request),
                                              std::move(done));
}

absl::StatusOr<PatchResult> Client::PatchActivations(const PatchRequest& request,
                                                     const CallOptions& options) {
  return Await(this, &Client::PatchActivationsAsync, request, options);
}

void Client::CutEdgesAsync(const CutRequest& request, const CallOptions& options,
                           Done<CutResult> done) {
  impl_->interventions.Stream<CutAssembler>(MethodId::kCutEdges, &Methods::CutEdges, options,
                                            ToProto(request), std::move(done));
}

absl::StatusOr<CutResult> Client::CutEdges(const CutRequest& request, const CallOptions& options) {
  return Await(this, &Client::CutEdgesAsync, request, options);
}

void Client::ValidateEdgesAsync(const ValidateRequest& request, const CallOptions& options,
                                Done<ValidationResult> done) {
  impl_->interventions.Stream<ValidationAssembler>(MethodId::kValidateEdges,
                                                   &Methods::ValidateEdges, options,
                                                   ToProto(request), std::move(done));
}

absl::StatusOr<ValidationResult> Client::ValidateEdges(const ValidateRequest& request,
                                                       const CallOptions& options) {
  return Await(this, &Client::ValidateEdgesAsync, request, options);
}

}  // namespace cajal::client
