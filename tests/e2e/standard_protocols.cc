#include "tests/e2e/standard_protocols.h"

#include <vector>

namespace cajal::e2e {
namespace {

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return "";
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(slice.begin(), slice.end());
  return bytes;
}

// A string field of a message; field and text are small.
std::string Field(int number, const std::string& text) {
  return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(text.size()) + text;
}

std::string Reflect(const std::string& address, const std::string& request) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  const grpc::internal::RpcMethod method(
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      grpc::internal::RpcMethod::BIDI_STREAMING);
  grpc::ClientContext context;
  const std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
      grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
          channel.get(), method, &context));
  grpc::ByteBuffer response;
  stream->Write(ToBuffer(request));
  stream->WritesDone();
  const bool answered = stream->Read(&response);
  return stream->Finish().ok() && answered ? ToString(response) : "";
}

}  // namespace

HealthWatch::HealthWatch(const std::string& address, const std::string& service) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Watch",
                                         grpc::internal::RpcMethod::SERVER_STREAMING);
  // HealthCheckRequest { string service = 1; }
  reader_.reset(grpc::internal::ClientReaderFactory<grpc::ByteBuffer>::Create(
      channel.get(), method, &context_, ToBuffer(Field(1, service))));
}

HealthWatch::~HealthWatch() {
  context_.TryCancel();
  (void)reader_->Finish();
}

HealthStatus HealthWatch::Next() {
  grpc::ByteBuffer response;
  if (!reader_->Read(&response)) return HealthStatus::kEnded;
  // HealthCheckResponse { ServingStatus status = 1; }
  return static_cast<HealthStatus>(ToString(response).at(1));
}

// ServerReflectionRequest { string file_containing_symbol = 4; string list_services = 7; }
std::string ListServices(const std::string& address) { return Reflect(address, Field(7, "")); }
std::string DescribeSymbol(const std::string& address, const std::string& symbol) {
  return Reflect(address, Field(4, symbol));
}

}  // namespace cajal::e2e
