// Health checks and reflection, which load balancers and grpcurl rely on.
#include "tests/e2e/standard_protocols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/e2e/cajald_process.h"

namespace cajal::e2e {
namespace {

using ::testing::HasSubstr;

TEST(StandardProtocols, AServerThatSaysItIsReadyIsHealthy) {
  CajaldProcess server;
  for (const char* service :
       {"", "cajal.v1.ModelService", "cajal.v1.GraphService", "cajal.v1.JobService"}) {
    HealthWatch watch(server.address(), service);
    EXPECT_EQ(watch.Next(), HealthStatus::kServing) << service;
  }
  HealthWatch watch(server.address(), "cajal.v1.Nonsense");
  EXPECT_EQ(watch.Next(), HealthStatus::kServiceUnknown);
}

TEST(StandardProtocols, ReflectionListsTheServicesAndDescribesTheirFiles) {
  CajaldProcess server;
  const std::string services = ListServices(server.address());
  for (const char* service : {"cajal.v1.ModelService", "cajal.v1.GraphService",
                              "cajal.v1.JobService", "grpc.health.v1.Health"}) {
    EXPECT_THAT(services, HasSubstr(service));
  }
  const std::string file = DescribeSymbol(server.address(), "cajal.v1.GraphService");
  for (const char* name : {"cajal/v1/graph_service.proto", "CreateGraph", "ExportGraph"}) {
    EXPECT_THAT(file, HasSubstr(name));
  }
}

}  // namespace
}  // namespace cajal::e2e
