// Client's methods of cajal.v1.ModelService.
#include <memory>
#include <utility>

#include "client/cpp/assemble.h"
#include "client/cpp/client_impl.h"
#include "client/cpp/generation.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

using Methods = ServiceCalls<v1::ModelService>::Methods;

}  // namespace

void Client::GetServerInfoAsync(const CallOptions& options, Done<ServerInfo> done) {
  impl_->model.Unary(
      MethodId::kGetServerInfo, &Methods::GetServerInfo, options, v1::GetServerInfoRequest(),
      [](const v1::GetServerInfoResponse& answer) { return FromProto(answer.server_info()); },
      std::move(done));
}

void Client::TokenizeAsync(const TokenizeRequest& request, const CallOptions& options,
                           Done<TokenizedPrompt> done) {
  impl_->model.Unary(
      MethodId::kTokenize, &Methods::Tokenize, options, ToProto(request),
      [](const v1::TokenizeResponse& answer) { return FromProto(answer); }, std::move(done));
}

void Client::ForwardAsync(const ForwardRequest& request, const CallOptions& options,
                          Done<ForwardResult> done) {
  impl_->model.Stream<ForwardAssembler>(MethodId::kForward, &Methods::Forward, options,
                                        ToProto(request), std::move(done));
}

void Client::GenerateAsync(const GenerateRequest& request, const CallOptions& options,
                           Done<GenerateResult> done) {
  impl_->model.Stream<GenerateAssembler>(MethodId::kGenerate, &Methods::Generate, options,
                                         ToProto(request), std::move(done),
                                         std::make_shared<GenerateAssembler>(request.on_token));
}

absl::StatusOr<ServerInfo> Client::GetServerInfo(const CallOptions& options) {
  return Await<absl::StatusOr<ServerInfo>>(
      [&](auto done) { GetServerInfoAsync(options, std::move(done)); });
}

absl::StatusOr<TokenizedPrompt> Client::Tokenize(const TokenizeRequest& request,
                                                 const CallOptions& options) {
  return Await(this, &Client::TokenizeAsync, request, options);
}

absl::StatusOr<ForwardResult> Client::Forward(const ForwardRequest& request,
                                              const CallOptions& options) {
  return Await(this, &Client::ForwardAsync, request, options);
}

absl::StatusOr<GenerateResult> Client::Generate(const GenerateRequest& request,
                                                const CallOptions& options) {
  return Await(this, &Client::GenerateAsync, request, options);
}

}  // namespace cajal::client
