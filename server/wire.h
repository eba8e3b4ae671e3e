// Messages to and from gRPC's byte buffers.
//
// The services use gRPC's raw methods and parse here, for two reasons. A request that does not
// parse (text that is not UTF-8, say) would otherwise be answered by gRPC itself, as UNIMPLEMENTED
// without a word; and answers are serialised by the thread that makes them, not by a callback
// thread.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "model/base/status.h"

namespace cajal::server {

grpc::ByteBuffer Serialize(const google::protobuf::Message& message);

// INVALID_ARGUMENT, MALFORMED_REQUEST.
absl::Status Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message* message);

template <typename Request>
absl::StatusOr<Request> Parse(const grpc::ByteBuffer& bytes) {
  Request request;
  RETURN_IF_ERROR(Parse(bytes, &request));
  return request;
}

}  // namespace cajal::server
