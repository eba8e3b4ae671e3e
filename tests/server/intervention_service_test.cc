#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Three words; one set with one edit of a feature.
v1::InterveneRequest GoodRequest() {
  v1::InterveneRequest request;
  request.mutable_prompt()->add_parts()->set_text("one two three");
  v1::EditSet* set = request.add_edit_sets();
  set->set_label("silence");
  v1::FeatureEdit* edit = set->add_feature_edits();
  edit->set_layer(1);
  edit->set_feature(5);
  edit->mutable_positions()->set_position(2);
  edit->mutable_operation()->set_set_to(0);
  return request;
}

struct Answer {
  grpc::Status status;
  v1::InterventionHeader header;
  std::vector<v1::InterventionChunk> chunks;
  std::vector<v1::Progress> progress;
};

Answer Intervene(TestServer* server, const v1::InterveneRequest& request) {
  grpc::ClientContext context;
  const auto reader = server->interventions().Intervene(&context, request);
  Answer answer;
  for (v1::InterveneResponse message; reader->Read(&message);) {
    if (message.has_progress()) answer.progress.push_back(message.progress());
    if (message.has_header()) answer.header = message.header();
    if (message.has_chunk()) answer.chunks.push_back(message.chunk());
  }
  answer.status = reader->Finish();
  return answer;
}

TEST(InterventionServiceTest, AnInterventionSendsProgressThenOutcomesAndActivations) {
  TestServer server;
  const Answer answer = Intervene(&server, GoodRequest());
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_FALSE(answer.progress.empty());
  EXPECT_EQ(answer.header.job(), answer.progress.front().job());
  EXPECT_EQ(server.GetJob(answer.header.job()).method(), "Intervene");
  EXPECT_EQ(answer.header.position(), 2);
  EXPECT_EQ(answer.header.n_sets(), 1);
  ASSERT_EQ(answer.chunks.size(), 2U);
  const v1::EditSetOutcome& outcome = answer.chunks[0].outcome();
  EXPECT_EQ(outcome.label(), "silence");
  EXPECT_EQ(outcome.kl_divergence(), 0.5);
  EXPECT_EQ(outcome.edited_top(0).token(), " Austin");
  EXPECT_EQ(outcome.edited_top(0).clean().rank(), 3);
  EXPECT_EQ(outcome.edited_top(0).edited().probability(), 0.75);
  EXPECT_EQ(outcome.n_listed(), 1);
  const v1::ActivationChangeChunk& activations = answer.chunks[1].activations();
  EXPECT_THAT(activations.layers(), ElementsAre(1));
  EXPECT_THAT(activations.features(), ElementsAre(5));
  EXPECT_THAT(activations.clean(), ElementsAre(-1));
  EXPECT_THAT(activations.edited_pre_activations(), ElementsAre(-4));
}

TEST(InterventionServiceTest, AllLogitsComeInChunksWhenAskedFor) {
  TestServer server;
  v1::InterveneRequest request = GoodRequest();
  std::string words;
  for (int i = 0; i < 900; ++i) words += "word ";  // [900, 100] logits are 351 KiB
  request.mutable_prompt()->mutable_parts(0)->set_text(words);
  *request.add_edit_sets() = request.edit_sets(0);
  request.mutable_report()->set_return_logits(true);
  const Answer answer = Intervene(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_EQ(answer.header.tensors_size(), 3);
  EXPECT_EQ(answer.header.tensors(0).name(), "clean.logits");
  EXPECT_EQ(answer.header.tensors(2).name(), "1.logits");
  EXPECT_THAT(answer.header.tensors(2).shape(), ElementsAre(900, 100));
  std::vector<int64_t> bytes(3);
  for (const v1::InterventionChunk& chunk : answer.chunks) {
    EXPECT_LT(chunk.ByteSizeLong(), 512U << 10);
    if (!chunk.has_tensor()) continue;
    EXPECT_EQ(chunk.tensor().offset_bytes(), bytes[chunk.tensor().tensor()]);
    bytes[chunk.tensor().tensor()] += static_cast<int64_t>(chunk.tensor().data().size());
  }
  EXPECT_THAT(bytes, ElementsAre(360'000, 360'000, 360'000));
}

TEST(InterventionServiceTest, WhatIsWrongWithARequestIsSaidWithTheField) {
  TestServer server;
  v1::InterveneRequest no_sets = GoodRequest();
  no_sets.clear_edit_sets();
  EXPECT_EQ(FieldOf(Intervene(&server, no_sets).status), "edit_sets");

  v1::InterveneRequest no_place = GoodRequest();
  no_place.mutable_edit_sets(0)->mutable_feature_edits(0)->clear_positions();
  EXPECT_EQ(FieldOf(Intervene(&server, no_place).status),
            "edit_sets[0].feature_edits[0].positions");

  v1::InterveneRequest outside = GoodRequest();
  outside.mutable_edit_sets(0)->mutable_feature_edits(0)->mutable_positions()->set_position(3);
  EXPECT_EQ(FieldOf(Intervene(&server, outside).status), "edit_sets[0].feature_edits[0].positions");

  v1::InterveneRequest bad_donor = GoodRequest();
  bad_donor.mutable_donor()->add_parts()->mutable_image()->set_data("no picture");
  const grpc::Status status = Intervene(&server, bad_donor).status;
  EXPECT_EQ(FieldOf(status), "donor.parts[0].image");
  EXPECT_EQ(ReasonOf(status), "IMAGE_UNREADABLE");

  EXPECT_EQ(server.engine().computations(), 0);
  EXPECT_TRUE(Intervene(&server, GoodRequest()).status.ok());
}

TEST(InterventionServiceTest, ASupernodeOfAStoredGraphIsEditedAsItsFeatures) {
  TestServer server;
  v1::CreateGraphRequest graph_request = GraphRequest();
  const v1::Graph graph = CreateGraph(&server, graph_request);
  AddSupernode(&server, graph.name(), "pair", {"0_1_2", "1_0_2"});

  v1::InterveneRequest request;
  *request.mutable_prompt() = graph_request.prompt();
  v1::SupernodeEdit* edit = request.add_edit_sets()->add_supernode_edits();
  edit->set_graph(graph.name());
  edit->set_supernode("pair");
  edit->mutable_operation()->set_scale_by(2);
  const Answer answer = Intervene(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_EQ(answer.chunks.size(), 2U);
  EXPECT_THAT(answer.chunks[1].activations().layers(), ElementsAre(0, 1));
  EXPECT_THAT(answer.chunks[1].activations().features(), ElementsAre(1, 0));
  EXPECT_THAT(answer.chunks[1].activations().positions(), ElementsAre(2, 2));

  edit->set_supernode("triple");
  const grpc::Status unknown = Intervene(&server, request).status;
  EXPECT_EQ(FieldOf(unknown), "edit_sets[0].supernode_edits[0].supernode");
  EXPECT_THAT(unknown.error_message(), HasSubstr("there is no supernode 'triple'"));
  edit->set_supernode("pair");

  // Elsewhere than in the graph's own prompt, positions must be said.
  request.mutable_prompt()->mutable_parts(0)->set_text("only two");
  EXPECT_EQ(ReasonOf(Intervene(&server, request).status), "PROMPT_DIFFERS");
  edit->mutable_positions()->set_position(1);
  const Answer moved = Intervene(&server, request);
  ASSERT_TRUE(moved.status.ok()) << moved.status.error_message();
  EXPECT_THAT(moved.chunks[1].activations().positions(), ElementsAre(1, 1));

  edit->set_graph("graphs/none");
  EXPECT_EQ(Intervene(&server, request).status.error_code(), grpc::NOT_FOUND);
}

TEST(InterventionServiceTest, AnInterventionStopsWhenItsClientGoesAway) {
  TestServer server;
  server.engine().CloseGate();
  grpc::ClientContext context;
  const auto reader = server.interventions().Intervene(&context, GoodRequest());
  v1::InterveneResponse message;
  ASSERT_TRUE(reader->Read(&message));
  const std::string job = message.progress().job();
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
  EXPECT_EQ(server.WaitForJob(job).state(), v1::JOB_STATE_CANCELLED);
}

}  // namespace
}  // namespace cajal::server
