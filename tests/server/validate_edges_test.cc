// ValidateEdges through the wire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

struct Answer {
  grpc::Status status;
  v1::ValidationHeader header;
  std::vector<v1::PathNode> nodes;
  std::vector<v1::EffectChunk> effects;
  std::string job;
};

Answer Validate(TestServer* server, const v1::ValidateEdgesRequest& request) {
  grpc::ClientContext context;
  const auto reader = server->interventions().ValidateEdges(&context, request);
  Answer answer;
  for (v1::ValidateEdgesResponse message; reader->Read(&message);) {
    if (message.has_progress()) answer.job = message.progress().job();
    if (message.has_header()) answer.header = message.header();
    if (!message.has_chunk()) continue;
    if (message.chunk().has_effects()) answer.effects.push_back(message.chunk().effects());
    for (const v1::PathNode& node : message.chunk().nodes().nodes()) answer.nodes.push_back(node);
  }
  answer.status = reader->Finish();
  return answer;
}

// Graphs of the fake engine have features 0 and 1 in layers 0 and 1 at the last position; those of
// layer 1 have edges of 1/2 from both of layer 0, the logits 7 and 8 of -1/4 from all.
v1::ValidateEdgesRequest RequestFor(const v1::Graph& graph) {
  v1::ValidateEdgesRequest request;
  request.set_graph(graph.name());
  v1::EdgeIds* edge = request.add_edges();
  edge->set_source("0_0_2");
  edge->set_target("1_1_2");
  request.add_nodes("1_0_2");
  request.mutable_faithfulness()->add_thresholds(0.5);
  return request;
}

TEST(ValidateEdgesTest, EffectsFitsAndTheCurveComeBack) {
  TestServer server;
  const Answer answer = Validate(&server, RequestFor(CreateGraph(&server)));
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(server.GetJob(answer.job).method(), "ValidateEdges");
  EXPECT_EQ(answer.header.n_ablations(), 2);
  EXPECT_EQ(answer.header.n_edge_effects(), 1);
  EXPECT_EQ(answer.header.n_node_effects(), 2);
  ASSERT_EQ(answer.nodes.size(), 5U);
  EXPECT_EQ(answer.nodes[0].id(), "0_0_2");
  EXPECT_EQ(answer.nodes[4].token(), " Dallas");
  ASSERT_EQ(answer.effects.size(), 1U);
  const v1::EffectChunk& effects = answer.effects[0];
  EXPECT_THAT(effects.sources(), ElementsAre(0, 1, 1));
  EXPECT_THAT(effects.targets(), ElementsAre(2, 3, 4));
  EXPECT_THAT(effects.direct(), ElementsAre(-0.5F, 0.25F, 0.25F));
  EXPECT_THAT(effects.frozen(), ElementsAre(1, 1, 1));
  EXPECT_THAT(effects.total(), ElementsAre(-0.5F, 0.25F, 0.25F));
  EXPECT_THAT(effects.unfrozen(), ElementsAre(2, 2, 2));
  EXPECT_EQ(answer.header.frozen_edges().slope(), -2);
  EXPECT_EQ(answer.header.unfrozen_nodes().slope(), 8);
  EXPECT_FALSE(answer.header.frozen_edges().has_correlation());  // one point
  const v1::FaithfulnessCurve& curve = answer.header.curve();
  EXPECT_EQ(curve.token(), " Austin");
  EXPECT_EQ(curve.token_id(), 7);
  ASSERT_EQ(curve.points_size(), 2);
  EXPECT_EQ(curve.points(1).threshold(), 0.5);
  EXPECT_EQ(curve.points(0).alone_share(), 0);
  EXPECT_THAT(curve.points(1).alone_share(), DoubleNear(0.5 / 0.75, 1e-9));
  EXPECT_TRUE(curve.has_alone_area());
}

TEST(ValidateEdgesTest, WithoutAListASampleIsDrawnAndTheCurveHasItsDefaults) {
  TestServer server;
  v1::ValidateEdgesRequest request;
  request.set_graph(CreateGraph(&server).name());
  const Answer answer = Validate(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.header.n_edge_effects(), 4 + 2 * 4);  // every edge from a feature
  EXPECT_EQ(answer.header.n_node_effects(), 4 * 2);
  EXPECT_EQ(answer.header.curve().points_size(), 11);
  request.mutable_sample()->set_edges(2);
  request.mutable_sample()->set_nodes(0);
  request.mutable_sample()->add_kinds(v1::NODE_KIND_TOKEN);
  request.mutable_faithfulness()->set_omit(true);
  const Answer tokens = Validate(&server, request);
  ASSERT_TRUE(tokens.status.ok()) << tokens.status.error_message();
  EXPECT_EQ(tokens.header.n_edge_effects(), 2);
  EXPECT_EQ(tokens.header.n_ablations(), 1);
  EXPECT_FALSE(tokens.header.has_curve());
}

TEST(ValidateEdgesTest, ThePromptMustBeTheGraphs) {
  TestServer server;
  v1::ValidateEdgesRequest request = RequestFor(CreateGraph(&server));
  request.mutable_prompt()->add_parts()->set_text("one two three");
  EXPECT_TRUE(Validate(&server, request).status.ok());
  request.mutable_prompt()->mutable_parts(0)->set_text("one two");
  const grpc::Status differs = Validate(&server, request).status;
  EXPECT_EQ(ReasonOf(differs), "PROMPT_DIFFERS");
  EXPECT_EQ(FieldOf(differs), "graph");
  request.clear_prompt();
  EXPECT_TRUE(Validate(&server, request).status.ok());
}

TEST(ValidateEdgesTest, WhatIsWrongIsSaidWithTheField) {
  TestServer server;
  const v1::ValidateEdgesRequest good = RequestFor(CreateGraph(&server));
  const auto field = [&server](const v1::ValidateEdgesRequest& request) {
    return FieldOf(Validate(&server, request).status);
  };
  v1::ValidateEdgesRequest request = good;
  request.set_graph("graphs/none2none2no");
  const grpc::Status unknown = Validate(&server, request).status;
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ResourceOf(unknown), "graphs/none2none2no");
  request.set_graph("none2none2no");
  EXPECT_EQ(field(request), "graph");
  request = good;
  request.mutable_edges(0)->set_source("0_7_2");
  EXPECT_EQ(field(request), "edges[0].source");
  request.mutable_edges(0)->set_source("1_0_2");
  EXPECT_EQ(field(request), "edges[0]");
  request = good;
  request.mutable_nodes()->Add("logits");
  EXPECT_EQ(field(request), "nodes");
  request = good;
  request.mutable_nodes()->Add("no such set");
  EXPECT_EQ(field(request), "nodes[1]");
  request = good;
  request.mutable_faithfulness()->add_thresholds(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(field(request), "faithfulness.thresholds[1]");
  request = good;
  request.mutable_faithfulness()->set_token("two tokens");
  EXPECT_EQ(field(request), "faithfulness.token");
  request = good;
  request.mutable_sample()->set_edges(-1);
  EXPECT_EQ(field(request), "sample.edges");
  request.mutable_sample()->set_edges(1);
  request.mutable_sample()->add_kinds(v1::NODE_KIND_LOGIT);
  EXPECT_EQ(field(request), "sample.kinds[0]");
  request = good;
  request.mutable_settings()->set_zero_positions(3);
  EXPECT_EQ(field(request), "settings.zero_positions");
  EXPECT_TRUE(Validate(&server, good).status.ok());
}

TEST(ValidateEdgesTest, AGraphWithPicturesNeedsItsPrompt) {
  TestServer server;
  v1::CreateGraphRequest create = GraphRequest();
  create.mutable_prompt()->clear_parts();
  create.mutable_prompt()->add_parts()->set_text("<start_of_image> one two");
  create.mutable_prompt()->add_parts()->mutable_image()->set_data("picture");
  v1::ValidateEdgesRequest request = RequestFor(CreateGraph(&server, create));
  const grpc::Status status = Validate(&server, request).status;
  EXPECT_EQ(ReasonOf(status), "NEEDS_PICTURES");
  EXPECT_EQ(FieldOf(status), "prompt");
  *request.mutable_prompt() = create.prompt();
  const Answer answer = Validate(&server, request);
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
}

}  // namespace
}  // namespace cajal::server
