// Large answers: the size of messages, and readers that are slow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

v1::CreateGraphRequest LargeRequest(TestServer* server) {
  server->engine().set_features_per_layer(1500);  // 2.3 million edges, some 20 MB
  v1::CreateGraphRequest request = GraphRequest();
  request.set_view(v1::GRAPH_VIEW_FULL);
  return request;
}

TEST(StreamTest, NoMessageIsLargerThanTheLimit) {
  TestServer server;
  GraphCall call(&server.graphs(), LargeRequest(&server));
  ASSERT_TRUE(call.Finish().ok());
  EXPECT_LE(call.largest_message(), 512u << 10);
  // 1500 + 1500 * 1500 edges into features, 2 * 3001 into logits.
  EXPECT_EQ(call.n_edges(), 2'257'502);
}

TEST(StreamTest, ReadersThatDoNotReadHoldUpNobody) {
  TestServer server;
  const v1::CreateGraphRequest request = LargeRequest(&server);
  // More of them than the work pool has threads.
  std::vector<std::unique_ptr<GraphCall>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<GraphCall>(&server.graphs(), request));
    while (slow.back()->n_edges() == 0) ASSERT_TRUE(slow.back()->Read());
  }
  server.engine().set_features_per_layer(2);
  CreateGraph(&server);
  for (const auto& call : slow) {
    EXPECT_TRUE(call->Finish().ok());
    EXPECT_EQ(call->n_edges(), call->header()->n_edges());
  }
}

TEST(StreamTest, AnUnreadStreamDoesNotKeepTheServerFromEnding) {
  TestServer server;
  GraphCall call(&server.graphs(), LargeRequest(&server));
  while (call.n_edges() == 0) ASSERT_TRUE(call.Read());
  server.server().Drain(std::chrono::milliseconds(0));
  EXPECT_FALSE(call.Finish().ok());
}

}  // namespace
}  // namespace cajal::server
