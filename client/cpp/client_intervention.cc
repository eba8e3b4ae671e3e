// Client's methods of cajal.v1.InterventionService.
#include <functional>
#include <string>
#include <utility>

#include "client/cpp/assemble_cut.h"
#include "client/cpp/assemble_intervention.h"
#include "client/cpp/assemble_patch.h"
#include "client/cpp/assemble_validation.h"
#include "client/cpp/client_impl.h"
#include "client/cpp/wire_clamp.h"
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

void Client::CreateSessionAsync(const CreateSessionRequest& request, const CallOptions& options,
                                Done<ClampSession> done) {
  impl_->interventions.Unary(
      MethodId::kCreateSession, &Methods::CreateSession, options, ToProto(request),
      [](const v1::CreateSessionResponse& answer) { return FromProto(answer.session()); },
      std::move(done));
}

absl::StatusOr<ClampSession> Client::CreateSession(const CreateSessionRequest& request,
                                                   const CallOptions& options) {
  return Await(this, &Client::CreateSessionAsync, request, options);
}

void Client::GetSessionAsync(const std::string& name, const CallOptions& options,
                             Done<ClampSession> done) {
  impl_->interventions.Unary(
      MethodId::kGetSession, &Methods::GetSession, options, Named<v1::GetSessionRequest>(name),
      [](const v1::GetSessionResponse& answer) { return FromProto(answer.session()); },
      std::move(done));
}

absl::StatusOr<ClampSession> Client::GetSession(const std::string& name,
                                                const CallOptions& options) {
  return Await(this, &Client::GetSessionAsync, name, options);
}

void Client::ListSessionsAsync(const PageRequest& request, const CallOptions& options,
                               Done<SessionPage> done) {
  v1::ListSessionsRequest message;
  message.set_page_size(request.page_size);
  message.set_page_token(request.page_token);
  impl_->interventions.Unary(
      MethodId::kListSessions, &Methods::ListSessions, options, std::move(message),
      [](const v1::ListSessionsResponse& answer) { return FromProto(answer); }, std::move(done));
}

absl::StatusOr<SessionPage> Client::ListSessions(const PageRequest& request,
                                                 const CallOptions& options) {
  return Await(this, &Client::ListSessionsAsync, request, options);
}

void Client::UpdateSessionAsync(const UpdateSessionRequest& request, const CallOptions& options,
                                Done<ClampSession> done) {
  impl_->interventions.Unary(
      MethodId::kUpdateSession, &Methods::UpdateSession, options, ToProto(request),
      [](const v1::UpdateSessionResponse& answer) { return FromProto(answer.session()); },
      std::move(done));
}

absl::StatusOr<ClampSession> Client::UpdateSession(const UpdateSessionRequest& request,
                                                   const CallOptions& options) {
  return Await(this, &Client::UpdateSessionAsync, request, options);
}

void Client::DeleteSessionAsync(const std::string& name, const CallOptions& options,
                                std::function<void(absl::Status)> done) {
  impl_->interventions.Unary(
      MethodId::kDeleteSession, &Methods::DeleteSession, options,
      Named<v1::DeleteSessionRequest>(name),
      [](const v1::DeleteSessionResponse&) { return absl::OkStatus(); }, std::move(done));
}

absl::Status Client::DeleteSession(const std::string& name, const CallOptions& options) {
  return Await(this, &Client::DeleteSessionAsync, name, options);
}

}  // namespace cajal::client
