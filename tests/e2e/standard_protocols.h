// Clients of grpc.health.v1 and grpc.reflection.v1alpha. Debian ships no generated code for these
// protocols, so their few bytes are spelt out.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/sync_stream.h>

#include <memory>
#include <string>

namespace cajal::e2e {

// grpc.health.v1.HealthCheckResponse.ServingStatus.
enum class HealthStatus { kEnded = -1, kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

// An open Watch, which tells of every change.
class HealthWatch {
 public:
  HealthWatch(const std::string& address, const std::string& service);
  ~HealthWatch();

  // Waits for the status, at first, and for its next change afterwards. kEnded: the server is gone.
  HealthStatus Next();

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>> reader_;
};

// The bytes of the server's answer, in which names stand as they are; empty when it failed.
std::string ListServices(const std::string& address);
std::string DescribeSymbol(const std::string& address, const std::string& symbol);

}  // namespace cajal::e2e
