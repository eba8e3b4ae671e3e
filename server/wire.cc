#include "server/wire.h"

#include "model/base/check.h"

namespace cajal::server {

grpc::ByteBuffer Serialize(const google::protobuf::Message& message) {
  grpc::ByteBuffer bytes;
  bool own_buffer = false;
  const grpc::Status status =
      grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(message, &bytes,
                                                                                 &own_buffer);
  CAJAL_CHECK(status.ok()) << message.GetTypeName() << ": " << status.error_message();
  return bytes;
}

absl::Status Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message* message) {
  grpc::ByteBuffer buffer(bytes);  // shares the bytes; parsing consumes its buffer
  const grpc::Status status =
      grpc::GenericDeserialize<grpc::ProtoBufferReader, google::protobuf::Message>(&buffer,
                                                                                   message);
  if (status.ok()) return absl::OkStatus();
  return WithReason(
      absl::InvalidArgumentError("the request is no valid " + std::string(message->GetTypeName()) +
                                 ": it is cut off, or a text in it is not UTF-8"),
      "MALFORMED_REQUEST");
}

}  // namespace cajal::server
