// CreateGraph from call to answer: what is streamed, request ids, detached jobs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

TEST(CreateGraphTest, ProgressComesFirstAndNamesTheJob) {
  TestServer server;
  GraphCall call(&server.graphs(), GraphRequest());
  ASSERT_TRUE(call.Read());
  EXPECT_FALSE(call.header().has_value());
  EXPECT_THAT(call.job(), testing::StartsWith("jobs/"));
  EXPECT_TRUE(call.Finish().ok());
}

TEST(CreateGraphTest, ThePrunedGraphIsSentUnlessFullIsAskedFor) {
  TestServer server;
  v1::CreateGraphRequest request = GraphRequest();
  request.mutable_prune()->set_node_threshold(0);
  GraphCall pruned(&server.graphs(), request);
  ASSERT_TRUE(pruned.Finish().ok());
  EXPECT_EQ(pruned.header()->view(), v1::GRAPH_VIEW_PRUNED);

  request.set_view(v1::GRAPH_VIEW_FULL);
  GraphCall full(&server.graphs(), request);
  ASSERT_TRUE(full.Finish().ok());
  // 2 layers x 2 features, 2 x 3 errors, 3 tokens, 2 logits; 2 + 2*2 + 2*5 edges.
  EXPECT_EQ(full.n_nodes(), 15);
  EXPECT_EQ(full.n_edges(), 16);
  EXPECT_LT(pruned.n_nodes(), full.n_nodes());
  EXPECT_EQ(pruned.n_nodes(), pruned.header()->n_nodes());
  EXPECT_EQ(pruned.n_edges(), pruned.header()->n_edges());
}

TEST(CreateGraphTest, TheHeaderAloneIsSentWhenNothingElseIsWanted) {
  TestServer server;
  v1::CreateGraphRequest request = GraphRequest();
  request.set_view(v1::GRAPH_VIEW_NONE);
  GraphCall call(&server.graphs(), request);
  ASSERT_TRUE(call.Finish().ok());
  EXPECT_EQ(call.header()->graph().n_nodes(), 15);
  EXPECT_EQ(call.n_nodes(), 0);
}

TEST(CreateGraphTest, TheSettingsReachTheGraphWithTheirDefaultsFilledIn) {
  TestServer server;
  v1::CreateGraphRequest request = GraphRequest();
  request.mutable_settings()->set_max_feature_nodes(12);
  request.add_targets()->set_token(" Austin");
  const v1::Graph graph = CreateGraph(&server, request);
  EXPECT_EQ(graph.settings().max_feature_nodes(), 12);
  EXPECT_EQ(graph.settings().max_n_logits(), 10);
  EXPECT_EQ(graph.settings().zero_positions(), 1);
  ASSERT_EQ(graph.targets_size(), 1);
  EXPECT_EQ(graph.targets(0).token(), " Austin");
  EXPECT_EQ(graph.logits(0).position(), graph.n_positions() - 1);
  EXPECT_EQ(graph.logits(0).weight(), graph.logits(0).probability());
}

TEST(CreateGraphTest, TheGraphCarriesItsPhasesAndSeconds) {
  TestServer server;
  const v1::Graph graph = CreateGraph(&server);
  ASSERT_GT(graph.phases_size(), 0);
  EXPECT_EQ(graph.phases(0).phase(), "feature_rows");
  EXPECT_GT(graph.seconds(), 0);
}

// An earlier job of the same request_id may be storing its graph when it is told to stop.
TEST(CreateGraphTest, AGraphStoredUnderTheRequestIdMeanwhileIsTheAnswer) {
  TestServer server;
  const std::string name = CreateGraph(&server).name();
  const auto graph = server.archive().Get(name.substr(name.find('/') + 1));
  ASSERT_TRUE(graph.ok());

  server.engine().CloseGate();
  v1::CreateGraphRequest request = GraphRequest();
  request.set_request_id("mine");
  GraphCall call(&server.graphs(), request);
  ASSERT_TRUE(call.ReadUntilPhase("feature_rows"));
  const auto earlier = server.archive().Put(*graph, {.request_id = "mine"}, {}, {});
  ASSERT_TRUE(earlier.ok());
  server.engine().OpenGate();
  EXPECT_TRUE(call.Finish().ok());
  EXPECT_EQ(call.header()->graph().name(), earlier->name());
}

TEST(CreateGraphTest, ASecondCallWithTheSameRequestIdAttachesToTheRunningJob) {
  TestServer server;
  server.engine().CloseGate();
  v1::CreateGraphRequest request = GraphRequest();
  request.set_request_id("mine");
  GraphCall first(&server.graphs(), request);
  ASSERT_TRUE(first.ReadUntilPhase("feature_rows"));
  GraphCall second(&server.graphs(), request);
  ASSERT_TRUE(second.Read());
  EXPECT_EQ(second.job(), first.job());

  server.engine().OpenGate();
  ASSERT_TRUE(first.Finish().ok());
  ASSERT_TRUE(second.Finish().ok());
  EXPECT_EQ(first.header()->graph().name(), second.header()->graph().name());
  EXPECT_EQ(server.engine().computations(), 1);
}

TEST(CreateGraphTest, ARequestIdThatWasSeenBeforeGivesTheStoredGraph) {
  TestServer server;
  v1::CreateGraphRequest request = GraphRequest();
  request.set_request_id("mine");
  const v1::Graph first = CreateGraph(&server, request);
  EXPECT_EQ(CreateGraph(&server, request).name(), first.name());
  EXPECT_EQ(server.engine().computations(), 1);

  server.Restart();
  v1::CreateGraphRequest only_the_id;
  only_the_id.set_request_id("mine");
  EXPECT_EQ(CreateGraph(&server, only_the_id).name(), first.name());
  EXPECT_EQ(server.engine().computations(), 0);
}

TEST(CreateGraphTest, ARequestIdOfAFailedJobMayBeUsedAgain) {
  TestServer server;
  server.engine().FailNext(absl::ResourceExhaustedError("not now"));
  v1::CreateGraphRequest request = GraphRequest();
  request.set_request_id("mine");
  GraphCall failed(&server.graphs(), request);
  EXPECT_EQ(failed.Finish().error_code(), grpc::RESOURCE_EXHAUSTED);
  CreateGraph(&server, request);
}

TEST(CreateGraphTest, ADetachedJobGoesOnWithoutItsClient) {
  TestServer server;
  server.engine().CloseGate();
  v1::CreateGraphRequest request = GraphRequest();
  request.set_detach(true);
  GraphCall call(&server.graphs(), request);
  ASSERT_TRUE(call.ReadUntilPhase("feature_rows"));
  call.Cancel();
  EXPECT_EQ(call.Finish().error_code(), grpc::CANCELLED);
  server.engine().OpenGate();
  const v1::Job job = server.WaitForJob(call.job());
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(job.graph(), testing::StartsWith("graphs/"));
}

TEST(CreateGraphTest, AJobGoesOnWhileOneOfItsClientsIsLeft) {
  TestServer server;
  server.engine().CloseGate();
  v1::CreateGraphRequest request = GraphRequest();
  request.set_request_id("mine");
  GraphCall first(&server.graphs(), request);
  ASSERT_TRUE(first.ReadUntilPhase("feature_rows"));
  GraphCall second(&server.graphs(), request);
  ASSERT_TRUE(second.Read());
  first.Cancel();
  EXPECT_EQ(first.Finish().error_code(), grpc::CANCELLED);
  server.engine().OpenGate();
  EXPECT_TRUE(second.Finish().ok());
}

}  // namespace
}  // namespace cajal::server
