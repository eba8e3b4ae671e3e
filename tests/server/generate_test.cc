// Generate over the wire: tokens while the job runs, the end of clients that go away, bad requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

v1::GenerateRequest GoodRequest() {
  v1::GenerateRequest request;
  request.mutable_prompt()->add_parts()->set_text("one two");
  request.set_max_new_tokens(3);
  return request;
}

struct Answer {
  grpc::Status status;
  std::vector<v1::GeneratedTokens> steps;
  std::vector<v1::GenerateSummary> summaries;
};

Answer Generate(TestServer* server, const v1::GenerateRequest& request) {
  grpc::ClientContext context;
  const auto reader = server->models().Generate(&context, request);
  Answer answer;
  for (v1::GenerateResponse message; reader->Read(&message);) {
    if (message.has_tokens()) answer.steps.push_back(message.tokens());
    if (message.has_summary()) answer.summaries.push_back(message.summary());
  }
  answer.status = reader->Finish();
  return answer;
}

TEST(GenerateTest, SendsTheTokensInOrderAndThenTheWhole) {
  TestServer server;
  v1::GenerateRequest request = GoodRequest();
  request.set_samples(2);
  request.mutable_sampling()->set_temperature(1);
  request.set_top_tokens(1);
  const Answer answer = Generate(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_EQ(answer.steps.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(answer.steps[static_cast<size_t>(i)].tokens_size(), 2);
    const v1::GeneratedToken& token = answer.steps[static_cast<size_t>(i)].tokens(1);
    EXPECT_EQ(token.sequence(), 1);
    EXPECT_EQ(token.index(), i);
    EXPECT_EQ(token.chosen().token_id(), i);
    EXPECT_EQ(token.chosen().probability(), 0.25F);
    EXPECT_EQ(token.text(), " w" + std::to_string(i));
    EXPECT_EQ(token.top_tokens_size(), 1);
  }
  ASSERT_EQ(answer.summaries.size(), 1U);
  const v1::GenerateSummary& summary = answer.summaries[0];
  EXPECT_EQ(summary.n_prompt_positions(), 2);
  ASSERT_EQ(summary.sequences_size(), 2);
  EXPECT_EQ(summary.sequences(1).sample(), 1);
  EXPECT_EQ(summary.sequences(1).text(), " w0 w1 w2");
  EXPECT_THAT(summary.sequences(1).token_ids(), ElementsAre(0, 1, 2));
  EXPECT_EQ(summary.sequences(1).finish_reason(), v1::FINISH_REASON_MAX_NEW_TOKENS);
  EXPECT_EQ(server.GetJob(summary.job()).method(), "Generate");
}

TEST(GenerateTest, SendsATokenBeforeTheNextOneIsComputed) {
  TestServer server;
  server.engine().CloseGate();
  grpc::ClientContext context;
  const auto reader = server.models().Generate(&context, GoodRequest());
  server.engine().WaitUntilBlocked();
  server.engine().LetOneBatchPass();
  v1::GenerateResponse message;
  do {
    ASSERT_TRUE(reader->Read(&message));
  } while (!message.has_tokens());
  EXPECT_EQ(message.tokens().tokens(0).index(), 0);
  EXPECT_EQ(server.engine().batches(), 1);
  server.engine().OpenGate();
  while (reader->Read(&message)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
}

TEST(GenerateTest, StopsWhenItsClientGoesAway) {
  TestServer server;
  server.engine().CloseGate();
  grpc::ClientContext context;
  const auto reader = server.models().Generate(&context, GoodRequest());
  server.engine().WaitUntilBlocked();
  server.engine().LetOneBatchPass();
  v1::GenerateResponse message;
  std::string job;
  do {
    ASSERT_TRUE(reader->Read(&message));
    if (message.has_progress()) job = message.progress().job();
  } while (!message.has_tokens());
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
  EXPECT_EQ(server.WaitForJob(job).state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(server.engine().batches(), 1);
  server.engine().OpenGate();
  EXPECT_TRUE(Generate(&server, GoodRequest()).status.ok());
}

v1::FeatureEdit* AddEdit(v1::EditSet* set, int32_t position) {
  v1::FeatureEdit* edit = set->add_feature_edits();
  edit->set_layer(1);
  edit->set_feature(5);
  edit->mutable_positions()->set_position(position);
  edit->mutable_operation()->set_set_to(0);
  return edit;
}

TEST(GenerateTest, TellsTheEditSetOfEachTokenAndSequence) {
  TestServer server;
  v1::GenerateRequest request = GoodRequest();
  AddEdit(request.add_edit_sets(), 1);
  v1::EditSet* both = request.add_edit_sets();
  both->set_label("both");
  AddEdit(both, 0)->mutable_positions()->mutable_generated();
  v1::HookEdit* hook = both->add_hook_edits();
  hook->set_hook("blocks.0.hook_resid_pre");
  hook->mutable_positions()->set_position(0);
  hook->mutable_vector()->add_values(1);
  const Answer answer = Generate(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_EQ(answer.steps[0].tokens_size(), 3);
  EXPECT_FALSE(answer.steps[0].tokens(0).has_edit_set());
  EXPECT_EQ(answer.steps[0].tokens(0).chosen().logit(), 0);
  EXPECT_EQ(answer.steps[0].tokens(1).edit_set(), 0);
  EXPECT_TRUE(answer.steps[0].tokens(1).has_edit_set());
  EXPECT_EQ(answer.steps[0].tokens(2).edit_set(), 1);
  EXPECT_EQ(answer.steps[0].tokens(2).chosen().logit(), 2);
  const v1::GenerateSummary& summary = answer.summaries[0];
  ASSERT_EQ(summary.sequences_size(), 3);
  EXPECT_FALSE(summary.sequences(0).has_edit_set());
  EXPECT_EQ(summary.sequences(2).edit_set(), 1);
  EXPECT_EQ(summary.sequences(2).label(), "both");
}

TEST(GenerateTest, ASupernodeOfAStoredGraphIsEditedAsItsFeatures) {
  TestServer server;
  const v1::Graph graph = CreateGraph(&server);
  AddSupernode(&server, graph.name(), "pair", {"0_1_2", "1_0_2"});

  v1::GenerateRequest request = GoodRequest();
  v1::SupernodeEdit* edit = request.add_edit_sets()->add_supernode_edits();
  edit->set_graph(graph.name());
  edit->set_supernode("pair");
  edit->mutable_operation()->set_scale_by(2);
  EXPECT_EQ(ReasonOf(Generate(&server, request).status), "PROMPT_DIFFERS");
  edit->mutable_positions()->mutable_generated();
  const Answer answer = Generate(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.steps[0].tokens(1).chosen().logit(), 2);  // edits
}

TEST(GenerateTest, ABadEditNamesItsFieldAndTheNextRequestIsServed) {
  TestServer server;
  v1::GenerateRequest outside = GoodRequest();
  AddEdit(outside.add_edit_sets(), 2);
  EXPECT_EQ(FieldOf(Generate(&server, outside).status), "edit_sets[0].feature_edits[0].positions");
  v1::GenerateRequest no_operation = GoodRequest();
  AddEdit(no_operation.add_edit_sets(), 1)->clear_operation();
  EXPECT_EQ(FieldOf(Generate(&server, no_operation).status),
            "edit_sets[0].feature_edits[0].operation");
  v1::GenerateRequest bad_donor = GoodRequest();
  bad_donor.mutable_donor()->add_parts()->mutable_image()->set_data("no picture");
  EXPECT_EQ(FieldOf(Generate(&server, bad_donor).status), "donor.parts[0].image");
  v1::GenerateRequest unknown_freeze = GoodRequest();
  unknown_freeze.mutable_settings()->mutable_freeze()->set_kind(static_cast<v1::FreezeKind>(99));
  EXPECT_EQ(FieldOf(Generate(&server, unknown_freeze).status), "settings.freeze.kind");
  EXPECT_EQ(server.engine().computations(), 0);
  EXPECT_TRUE(Generate(&server, GoodRequest()).status.ok());
}

TEST(GenerateTest, ABadRequestNamesItsFieldAndTheNextOneIsServed) {
  TestServer server;
  v1::GenerateRequest request = GoodRequest();
  request.set_max_new_tokens(0);
  const Answer few = Generate(&server, request);
  EXPECT_EQ(few.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(few.status), "max_new_tokens");
  request.set_max_new_tokens(4999);
  EXPECT_EQ(FieldOf(Generate(&server, request).status), "max_new_tokens");
  request = GoodRequest();
  request.clear_prompt();
  EXPECT_THAT(FieldOf(Generate(&server, request).status), HasSubstr("prompt"));
  EXPECT_TRUE(Generate(&server, GoodRequest()).status.ok());
}

}  // namespace
}  // namespace cajal::server
