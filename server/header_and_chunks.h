// How Forward, CreateGraph, GetGraph, PruneGraph and EvaluateTranscoders answer: progress while
// they work, then one header, then chunks.
//
// Response: the method's message, with the fields `progress`, `header` and `chunk`.
// Messages: makes the parts, with header() and Next(chunk); Next is false when there is no further.
#pragma once

#include <optional>
#include <utility>

#include "server/job_conversion.h"
#include "server/response_stream.h"
#include "server/wire.h"

namespace cajal::server {

template <typename Response>
grpc::ByteBuffer ProgressMessage(const JobInfo& job) {
  Response message;
  *message.mutable_progress() = ProgressToProto(job);
  return Serialize(message);
}

template <typename Response, typename Messages>
ResponseStream::Source HeaderAndChunks(Messages messages) {
  return [messages = std::move(messages),
          sent_header = false]() mutable -> absl::StatusOr<std::optional<grpc::ByteBuffer>> {
    Response message;
    if (!std::exchange(sent_header, true)) {
      *message.mutable_header() = messages.header();
    } else if (!messages.Next(message.mutable_chunk())) {
      return std::nullopt;
    }
    return Serialize(message);
  };
}

}  // namespace cajal::server
