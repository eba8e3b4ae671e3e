// PatchActivations and CutEdges through the wire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using testing::ElementsAre;

v1::PatchActivationsRequest PatchRequestOf() {
  v1::PatchActivationsRequest request;
  request.mutable_donor()->add_parts()->set_text("one two three");
  request.mutable_recipient()->add_parts()->set_text("four five");
  v1::FeaturePlace* place = request.add_features();
  place->set_layer(1);
  place->set_feature(5);
  place->mutable_positions()->set_position(1);
  return request;
}

template <typename Header, typename Chunk>
struct Answer {
  grpc::Status status;
  Header header;
  std::vector<Chunk> chunks;
  std::string job;
};

using PatchAnswer = Answer<v1::PatchHeader, v1::PatchChunk>;
using CutAnswer = Answer<v1::CutHeader, v1::InterventionChunk>;

template <typename Message, typename Reader, typename A>
void ReadAll(Reader* reader, A* answer) {
  for (Message message; reader->Read(&message);) {
    if (message.has_progress()) answer->job = message.progress().job();
    if (message.has_header()) answer->header = message.header();
    if (message.has_chunk()) answer->chunks.push_back(message.chunk());
  }
  answer->status = reader->Finish();
}

PatchAnswer Patch(TestServer* server, const v1::PatchActivationsRequest& request) {
  grpc::ClientContext context;
  const auto reader = server->interventions().PatchActivations(&context, request);
  PatchAnswer answer;
  ReadAll<v1::PatchActivationsResponse>(reader.get(), &answer);
  return answer;
}

CutAnswer Cut(TestServer* server, const v1::CutEdgesRequest& request) {
  grpc::ClientContext context;
  const auto reader = server->interventions().CutEdges(&context, request);
  CutAnswer answer;
  ReadAll<v1::CutEdgesResponse>(reader.get(), &answer);
  return answer;
}

// A graph whose prompt is these words.
v1::Graph GraphOf(TestServer* server, const std::string& words) {
  v1::CreateGraphRequest request = GraphRequest();
  request.mutable_prompt()->clear_parts();
  request.mutable_prompt()->add_parts()->set_text(words);
  return CreateGraph(server, request);
}

TEST(PatchActivationsTest, FeaturesAndBothSidesComeBack) {
  TestServer server;
  v1::PatchActivationsRequest request = PatchRequestOf();
  request.add_strengths(1);
  request.add_strengths(8);
  request.set_reverse(true);
  const PatchAnswer answer = Patch(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(server.GetJob(answer.job).method(), "PatchActivations");
  ASSERT_EQ(answer.header.runs_size(), 2);
  EXPECT_EQ(answer.header.runs(1).strength(), 8);
  EXPECT_EQ(answer.header.recipient().position(), 1);
  EXPECT_EQ(answer.header.donor().position(), 2);
  ASSERT_EQ(answer.chunks.size(), 5U);
  EXPECT_THAT(answer.chunks[0].features().donor_activations(), ElementsAre(3));
  EXPECT_EQ(answer.chunks[1].recipient().outcome().label(), "strength 1");
  EXPECT_EQ(answer.chunks[4].donor().outcome().label(), "strength 8");
}

TEST(PatchActivationsTest, FeaturesOfGraphsAreLookedUp) {
  TestServer server;
  // Graphs of the fake engine have features 0 and 1 in layers 0 and 1 at the last position.
  const v1::Graph donor = GraphOf(&server, "one two three");
  const v1::Graph recipient = GraphOf(&server, "four five six");
  v1::PatchActivationsRequest request = PatchRequestOf();
  request.clear_features();
  request.mutable_recipient()->mutable_parts(0)->set_text("four five six");
  request.mutable_graph_features()->set_graph(donor.name());
  request.mutable_graph_features()->set_top(3);
  const PatchAnswer top = Patch(&server, request);
  ASSERT_TRUE(top.status.ok()) << top.status.error_message();
  EXPECT_EQ(top.header.n_features(), 3);

  // The last positions do not belong together: what is active at one is not at the other.
  request.clear_graph_features();
  request.mutable_difference()->set_donor_graph(donor.name());
  request.mutable_difference()->set_recipient_graph(recipient.name());
  request.mutable_map()->mutable_pairs()->add_donor(2);
  request.mutable_map()->mutable_pairs()->add_recipient(0);
  request.mutable_map()->mutable_pairs()->add_donor(0);
  request.mutable_map()->mutable_pairs()->add_recipient(2);
  const PatchAnswer difference = Patch(&server, request);
  ASSERT_TRUE(difference.status.ok()) << difference.status.error_message();
  EXPECT_THAT(difference.chunks[0].features().suppressed(),
              ElementsAre(false, false, false, false, true, true, true, true));
  request.clear_map();  // at the same position the two have the same features
  EXPECT_EQ(FieldOf(Patch(&server, request).status), "features");

  request.mutable_donor()->mutable_parts(0)->set_text("only two");
  const grpc::Status differs = Patch(&server, request).status;
  EXPECT_EQ(ReasonOf(differs), "PROMPT_DIFFERS");
  EXPECT_EQ(FieldOf(differs), "difference.donor_graph");
}

TEST(PatchActivationsTest, WhatIsWrongIsSaidWithTheField) {
  TestServer server;
  const auto field = [&server](const v1::PatchActivationsRequest& request) {
    return FieldOf(Patch(&server, request).status);
  };
  v1::PatchActivationsRequest request = PatchRequestOf();
  request.clear_donor();
  EXPECT_EQ(field(request), "donor");
  request = PatchRequestOf();
  request.mutable_map()->mutable_pairs()->add_donor(1);
  EXPECT_EQ(field(request), "map.pairs");
  request = PatchRequestOf();
  request.mutable_features(0)->clear_positions();
  EXPECT_EQ(field(request), "features[0].positions");
  request = PatchRequestOf();
  request.mutable_graph_features()->set_graph("graphs/x");
  EXPECT_EQ(field(request), "graph_features");
  request = PatchRequestOf();
  request.mutable_map()->mutable_image_grid();
  request.mutable_graph_features()->set_graph("graphs/x");
  request.mutable_graph_features()->set_top(1);
  EXPECT_EQ(ReasonOf(Patch(&server, request).status), "IMAGE_COUNT");
  EXPECT_EQ(server.engine().computations(), 0);
  EXPECT_TRUE(Patch(&server, PatchRequestOf()).status.ok());
}

TEST(CutEdgesTest, WeightsTargetsAndTheOutcomeComeBack) {
  TestServer server;
  v1::CutEdgesRequest request;
  request.mutable_prompt()->add_parts()->set_text("one two three");
  v1::CutEdge* edge = request.add_edges();
  edge->mutable_source()->mutable_feature()->set_index(4);
  edge->mutable_target()->mutable_feature()->set_layer(1);
  v1::CutEdge* logit = request.add_edges();
  logit->mutable_source()->set_token_position(1);
  logit->mutable_target()->set_token(" Austin");
  const CutAnswer answer = Cut(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(server.GetJob(answer.job).method(), "CutEdges");
  EXPECT_THAT(answer.header.weights(), ElementsAre(0.25F, 0.25F));
  ASSERT_EQ(answer.header.targets_size(), 2);
  EXPECT_EQ(answer.header.targets(0).target().feature().layer(), 1);
  EXPECT_EQ(answer.header.targets(1).target().token(), " Austin");
  EXPECT_EQ(answer.header.targets(1).cut(), 1);
  ASSERT_EQ(answer.chunks.size(), 1U);
  EXPECT_EQ(answer.chunks[0].outcome().label(), "cut");

  edge->clear_source();
  EXPECT_EQ(FieldOf(Cut(&server, request).status), "edges[0].source");
  edge->mutable_source()->mutable_feature()->set_layer(2);
  EXPECT_EQ(FieldOf(Cut(&server, request).status), "edges[0].source.layer");
  request.clear_edges();
  EXPECT_TRUE(Cut(&server, request).status.ok());
}

}  // namespace
}  // namespace cajal::server
