// How a service takes new work: the beginning that all its handlers share, and the two ways to
// have the rest done by a pool. Handlers run on gRPC's callback threads, so `start` parses,
// checks and enqueues, and never blocks.
//
//   grpc::ServerUnaryReactor* JokeServiceImpl::TellJoke(
//       grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes,
//       grpc::ByteBuffer* response) {
//     return StartUnary<v1::TellJokeRequest>(
//         *context_, call, *bytes, response, "JokeService/TellJoke",
//         [this](v1::TellJokeRequest request, UnaryCall* reply) -> absl::Status {
//           RETURN_IF_ERROR(CheckTopic(request.topic()));
//           return ScheduleReply<v1::TellJokeResponse>(
//               context_->readers, reply,
//               [request = std::move(request)] { return JokeAbout(request.topic()); });
//         });
//   }
//
// The call is refused while the server loads or drains (LOADING, DRAINING) and when the request
// does not parse (MALFORMED_REQUEST). An error that `start` returns is the answer; so is an
// exception that it throws, as INTERNAL. When it returns OK, it has seen to it that there will be
// one.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/errors.h"
#include "server/response_stream.h"
#include "server/service_context.h"
#include "server/unary_call.h"
#include "server/wire.h"

namespace cajal::server {

// `method` is for the log.
template <typename Request>
grpc::ServerUnaryReactor* StartUnary(
    const ServiceContext& context, grpc::CallbackServerContext* call, const grpc::ByteBuffer& bytes,
    grpc::ByteBuffer* response, const std::string& method,
    const std::function<absl::Status(Request, UnaryCall*)>& start) {
  auto* reply = new UnaryCall(context.calls, call, response, method);
  const absl::Status status = CatchExceptions([&]() -> absl::Status {
    RETURN_IF_ERROR(context.lifecycle->Admit().status());
    ASSIGN_OR_RETURN(Request request, Parse<Request>(bytes));
    return start(std::move(request), reply);
  });
  if (!status.ok()) reply->Fail(status);
  return reply;
}

// `pool` makes the messages of the stream.
template <typename Request>
grpc::ServerWriteReactor<grpc::ByteBuffer>* StartStream(
    const ServiceContext& context, WorkPool* pool, grpc::CallbackServerContext* call,
    const grpc::ByteBuffer& bytes, const std::string& method,
    const std::function<absl::Status(Request, const std::shared_ptr<ResponseStream>&)>& start) {
  const auto stream = ResponseStream::Create(context.calls, pool, call, method);
  const absl::Status status = CatchExceptions([&]() -> absl::Status {
    RETURN_IF_ERROR(context.lifecycle->Admit().status());
    ASSIGN_OR_RETURN(Request request, Parse<Request>(bytes));
    return start(std::move(request), stream);
  });
  if (!status.ok()) stream->Fail(status);
  return stream.get();
}

// Answers on `pool` with what `make` returns, unless the client is gone by then. QUEUE_FULL.
template <typename Response>
absl::Status ScheduleReply(WorkPool* pool, UnaryCall* reply,
                           std::function<absl::StatusOr<Response>()> make) {
  return pool->TrySchedule([reply, make = std::move(make)] {
    if (reply->client_gone()) return reply->Fail(ClientGoneError());
    Response response;
    const absl::Status status = CatchExceptions([&]() -> absl::Status {
      ASSIGN_OR_RETURN(response, make());
      return absl::OkStatus();
    });
    status.ok() ? reply->Reply(response) : reply->Fail(status);
  });
}

// Streams from the source that `make`, on `pool`, returns. QUEUE_FULL.
inline absl::Status ScheduleStream(WorkPool* pool, const std::shared_ptr<ResponseStream>& stream,
                                   std::function<absl::StatusOr<ResponseStream::Source>()> make) {
  return pool->TrySchedule([stream, make = std::move(make)] {
    if (stream->client_gone()) return;
    ResponseStream::Source source;
    const absl::Status status = CatchExceptions([&]() -> absl::Status {
      ASSIGN_OR_RETURN(source, make());
      return absl::OkStatus();
    });
    status.ok() ? stream->Send(std::move(source)) : stream->Fail(status);
  });
}

}  // namespace cajal::server
