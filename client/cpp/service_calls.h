// How the methods of one of the server's services are called: what the methods of Client have in
// common.
//
//   calls.Unary(MethodId::kGetJob, &Jobs::GetJob, options, request, convert, done);
//   calls.Stream<GraphAssembler>(MethodId::kGetGraph, &Graphs::GetGraph, options, request, done);
//
// `request` is a message or the error that there is none, which is then what `done` gets. `done`
// is called once, as client.h promises. Thread-safe.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "client/cpp/call.h"
#include "client/cpp/client_options.h"
#include "client/cpp/method.h"
#include "client/cpp/wire.h"

namespace cajal::client {

// Takes one message of a stream: its header, chunk, tokens or summary to `assembler`, and to
// `on_progress` what it tells of progress.
template <typename Assembler, typename Response>
absl::Status TakePiece(const Response& piece,
                       const std::function<void(const Progress&)>& on_progress,
                       Assembler* assembler) {
  if constexpr (requires { assembler->Add(piece); }) {
    return assembler->Add(piece);
  } else {
    if constexpr (requires { piece.progress(); }) {
      if (piece.has_progress() && on_progress) on_progress(FromProto(piece.progress()));
    }
    if constexpr (requires { piece.picture(); }) {
      if (piece.has_picture()) return assembler->Add(piece.picture());
    }
    if constexpr (requires { piece.summary(); }) {
      if (piece.has_tokens()) return assembler->Add(piece.tokens());
      if (piece.has_summary()) return assembler->Add(piece.summary());
    } else {
      if (piece.has_header()) return assembler->Add(piece.header());
      if (piece.has_chunk()) return assembler->Add(piece.chunk());
    }
    return absl::OkStatus();
  }
}

// Service: v1::GraphService, for instance.
template <typename Service>
class ServiceCalls {
 public:
  // Where gRPC declares the methods; the pointers to them name it.
  using Methods = typename Service::StubInterface::async_interface;
  template <typename Request, typename Response>
  using UnaryMethod = void (Methods::*)(grpc::ClientContext*, const Request*, Response*,
                                        std::function<void(grpc::Status)>);
  template <typename Request, typename Response>
  using StreamMethod = void (Methods::*)(grpc::ClientContext*, const Request*,
                                         grpc::ClientReadReactor<Response>*);

  // `environment` outlives this object.
  ServiceCalls(CallEnvironment* environment, const std::shared_ptr<grpc::Channel>& channel)
      : environment_(environment), stub_(Service::NewStub(channel)) {}

  // `done` gets what `convert` makes of the answer.
  template <typename Request, typename Response, typename Convert, typename Done>
  void Unary(MethodId id, UnaryMethod<Request, Response> method, const CallOptions& options,
             std::type_identity_t<absl::StatusOr<Request>> request, Convert convert, Done done) {
    if (!request.ok()) return done(request.status());
    UnaryCall<Request, Response>::Start(
        environment_, id, options, *std::move(request),
        [this, method](auto* context, auto* message, auto* response, auto finished) {
          (stub_->async()->*method)(context, message, response, std::move(finished));
        },
        [convert = std::move(convert), done = std::move(done)](absl::Status status,
                                                               const Response& response) {
          if (!status.ok()) return done(std::move(status));
          done(convert(response));
        });
  }

  // `done` gets what an `Assembler` makes of the messages, which may also be an error.
  template <typename Assembler, typename Request, typename Response, typename Done>
  void Stream(MethodId id, StreamMethod<Request, Response> method, const CallOptions& options,
              std::type_identity_t<absl::StatusOr<Request>> request, Done done) {
    Stream(id, method, options, std::move(request), std::move(done), std::make_shared<Assembler>());
  }

  // The same with an assembler that is more than empty.
  template <typename Assembler, typename Request, typename Response, typename Done>
  void Stream(MethodId id, StreamMethod<Request, Response> method, const CallOptions& options,
              std::type_identity_t<absl::StatusOr<Request>> request, Done done,
              std::shared_ptr<Assembler> assembler) {
    if (!request.ok()) return done(request.status());
    StreamCall<Request, Response>::Start(
        environment_, id, options, *std::move(request),
        [this, method](auto* context, auto* message, auto* reactor) {
          (stub_->async()->*method)(context, message, reactor);
        },
        [assembler, on_progress = options.on_progress](const Response& piece) {
          return TakePiece(piece, on_progress, assembler.get());
        },
        [assembler, done = std::move(done)](absl::Status status) {
          if (!status.ok()) return done(std::move(status));
          done(assembler->Finish());
        });
  }

  [[nodiscard]] typename Service::Stub* stub() const { return stub_.get(); }

 private:
  CallEnvironment* const environment_;
  const std::unique_ptr<typename Service::Stub> stub_;
};

}  // namespace cajal::client
