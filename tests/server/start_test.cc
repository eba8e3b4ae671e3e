// Start-up: the port, health, reflection, and what is answered while the model loads.
#include <gmock/gmock.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <gtest/gtest.h>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

// Debian has no generated code for the standard protocols, so their few bytes are spelt out here.

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(slice.begin(), slice.end());
  return bytes;
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// grpc.health.v1.HealthCheckResponse.ServingStatus; kUnknownService is the status NOT_FOUND.
enum class Health { kServing = 1, kNotServing = 2, kUnknownService = -1 };

Health CheckHealth(const TestServer& server, const std::string& service) {
  grpc::ClientContext context;
  // HealthCheckRequest { string service = 1; }
  const grpc::ByteBuffer request =
      ToBuffer(std::string("\x0a") + static_cast<char>(service.size()) + service);
  grpc::ByteBuffer response;
  const auto channel = server.NewChannel();
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check",
                                         grpc::internal::RpcMethod::NORMAL_RPC);
  const grpc::Status status = grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
      channel.get(), method, &context, request, &response);
  if (status.error_code() == grpc::NOT_FOUND) return Health::kUnknownService;
  EXPECT_TRUE(status.ok()) << status.error_message();
  return static_cast<Health>(ToString(response).at(1));
}

const char* const kServices[] = {"", "cajal.v1.ModelService", "cajal.v1.GraphService",
                                 "cajal.v1.JobService"};

TEST(StartTest, HealthIsServingOnceTheModelIsLoaded) {
  TestServer server(TestServer::Options{.serve = false});
  for (const char* service : kServices) {
    EXPECT_EQ(CheckHealth(server, service), Health::kNotServing) << service;
  }
  server.Serve();
  for (const char* service : kServices) {
    EXPECT_EQ(CheckHealth(server, service), Health::kServing) << service;
  }
  EXPECT_EQ(CheckHealth(server, "cajal.v1.Nonsense"), Health::kUnknownService);
}

TEST(StartTest, WorkIsRefusedAsLoadingBeforeTheModelIsThere) {
  TestServer server(TestServer::Options{.serve = false});
  GraphCall early(&server.graphs(), GraphRequest());
  const grpc::Status status = early.Finish();
  EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "LOADING");
  EXPECT_TRUE(RetrySecondsOf(status).has_value());
  server.Serve();
  CreateGraph(&server);
}

TEST(StartTest, JobsCanBeListedWhileTheModelLoads) {
  TestServer server(TestServer::Options{.serve = false});
  grpc::ClientContext context;
  v1::ListJobsResponse response;
  EXPECT_TRUE(server.jobs().ListJobs(&context, {}, &response).ok());
  EXPECT_EQ(response.jobs_size(), 0);
}

TEST(StartTest, ReflectionListsTheServices) {
  TestServer server;
  grpc::ClientContext context;
  const auto channel = server.NewChannel();
  const grpc::internal::RpcMethod method(
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      grpc::internal::RpcMethod::BIDI_STREAMING);
  std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
      grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
          channel.get(), method, &context));
  // ServerReflectionRequest { string list_services = 7; }
  ASSERT_TRUE(stream->Write(ToBuffer(std::string("\x3a\x00", 2))));
  stream->WritesDone();
  grpc::ByteBuffer response;
  ASSERT_TRUE(stream->Read(&response));
  for (const char* service : kServices) {
    EXPECT_THAT(ToString(response), testing::HasSubstr(service));
  }
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(StartTest, TwoServersCannotHaveOnePort) {
  TestServer server;
  TempDir dir;
  auto archive = OpenGraphArchive(dir.path());
  ASSERT_TRUE(archive.ok());
  ServerOptions options;
  options.listen = server.server().address();
  const auto second = Server::Start(options, std::move(*archive),
                                    *session::SessionStore::Open({.data_dir = dir.path()}));
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()),
              testing::HasSubstr("cannot listen on " + options.listen));
  CreateGraph(&server);
}

TEST(StartTest, AnAddressWithoutAPortIsExplained) {
  TempDir dir;
  for (const char* listen : {"localhost", ":0", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:http",
                             "unix:/run/cajal.sock", ""}) {
    auto archive = OpenGraphArchive(dir.path());
    ASSERT_TRUE(archive.ok());
    ServerOptions options;
    options.listen = listen;
    const auto server = Server::Start(options, std::move(*archive),
                                      *session::SessionStore::Open({.data_dir = dir.path()}));
    ASSERT_FALSE(server.ok()) << listen;
    EXPECT_THAT(std::string(server.status().message()), testing::HasSubstr("HOST:PORT")) << listen;
  }
}

}  // namespace
}  // namespace cajal::server
