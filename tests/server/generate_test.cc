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
