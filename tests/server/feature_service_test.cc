#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using testing::ElementsAre;

// Five words in two prompts.
v1::EvaluateTranscodersRequest GoodRequest() {
  v1::EvaluateTranscodersRequest request;
  request.add_prompts()->add_parts()->set_text("one two three");
  request.add_prompts()->add_parts()->set_text("four five");
  return request;
}

struct Answer {
  grpc::Status status;
  v1::EvaluationHeader header;
  std::vector<v1::EvaluationChunk> chunks;
  std::vector<v1::Progress> progress;
};

Answer Evaluate(TestServer* server, const v1::EvaluateTranscodersRequest& request) {
  grpc::ClientContext context;
  const auto reader = server->features().EvaluateTranscoders(&context, request);
  Answer answer;
  for (v1::EvaluateTranscodersResponse message; reader->Read(&message);) {
    if (message.has_progress()) answer.progress.push_back(message.progress());
    if (message.has_header()) answer.header = message.header();
    if (message.has_chunk()) answer.chunks.push_back(message.chunk());
  }
  answer.status = reader->Finish();
  return answer;
}

TEST(FeatureServiceTest, AnEvaluationSendsProgressFiguresAndSums) {
  TestServer server;
  const Answer answer = Evaluate(&server, GoodRequest());
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_FALSE(answer.progress.empty());
  EXPECT_EQ(answer.header.job(), answer.progress.front().job());
  EXPECT_EQ(answer.header.dense_threshold(), 0.1);
  ASSERT_EQ(answer.header.layers_size(), 2);
  const v1::ReconstructionFigures& text = answer.header.layers(1).text();
  EXPECT_EQ(text.n_tokens(), 5);
  EXPECT_DOUBLE_EQ(text.fvu(), 0.25);
  EXPECT_DOUBLE_EQ(text.mean_l0(), 1);
  EXPECT_DOUBLE_EQ(text.dead_share(), 0.999);
  EXPECT_DOUBLE_EQ(text.dense_share(), 0.001);
  // Of both layers: outputs and counts of text, then of image tokens.
  ASSERT_EQ(answer.chunks.size(), 8u);
  EXPECT_THAT(answer.chunks[0].outputs().values(), ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(answer.chunks[5].layer(), 1);
  EXPECT_EQ(answer.chunks[5].counts().values(0), 5);
}

TEST(FeatureServiceTest, LayersOutsideTheRangeAreNotSent) {
  TestServer server;
  v1::EvaluateTranscodersRequest request = GoodRequest();
  request.set_first_layer(1);
  const Answer answer = Evaluate(&server, request);
  ASSERT_EQ(answer.header.layers_size(), 1);
  EXPECT_EQ(answer.header.layers(0).layer(), 1);
}

TEST(FeatureServiceTest, AnEvaluationIsAJobThatStopsWhenItsClientGoesAway) {
  TestServer server;
  server.engine().CloseGate();
  grpc::ClientContext context;
  const auto reader = server.features().EvaluateTranscoders(&context, GoodRequest());
  v1::EvaluateTranscodersResponse message;
  ASSERT_TRUE(reader->Read(&message));
  const std::string job = message.progress().job();
  EXPECT_EQ(server.GetJob(job).method(), "EvaluateTranscoders");
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
  EXPECT_EQ(server.WaitForJob(job).state(), v1::JOB_STATE_CANCELLED);
}

TEST(FeatureServiceTest, AnEvaluationCanBeCancelledByName) {
  TestServer server;
  server.engine().CloseGate();
  grpc::ClientContext context;
  const auto reader = server.features().EvaluateTranscoders(&context, GoodRequest());
  v1::EvaluateTranscodersResponse message;
  ASSERT_TRUE(reader->Read(&message));
  server.engine().WaitUntilBlocked();
  grpc::ClientContext cancel_context;
  v1::CancelJobRequest cancel;
  cancel.set_name(message.progress().job());
  v1::CancelJobResponse cancelled;
  ASSERT_TRUE(server.jobs().CancelJob(&cancel_context, cancel, &cancelled).ok());
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
}

// Each test ends with a good call on the same server.
class EvaluationErrorTest : public testing::Test {
 protected:
  void TearDown() override {
    const Answer answer = Evaluate(&server_, GoodRequest());
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  }

  TestServer server_;
};

TEST_F(EvaluationErrorTest, NoPromptsAtAllAreRefused) {
  const Answer answer = Evaluate(&server_, {});
  EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(answer.status), "prompts");
}

TEST_F(EvaluationErrorTest, AnEmptyPromptIsNamedByItsNumber) {
  v1::EvaluateTranscodersRequest request = GoodRequest();
  request.add_prompts();
  const Answer answer = Evaluate(&server_, request);
  EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(answer.status), "prompts[2]");
}

TEST_F(EvaluationErrorTest, ALayerThatTheModelLacksIsRefused) {
  v1::EvaluateTranscodersRequest request = GoodRequest();
  request.set_last_layer(2);
  Answer answer = Evaluate(&server_, request);
  EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(answer.status), "last_layer");

  request.set_first_layer(-1);
  answer = Evaluate(&server_, request);
  EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(answer.status), "first_layer");
}

TEST_F(EvaluationErrorTest, AThresholdOutsideItsRangeIsRefused) {
  v1::EvaluateTranscodersRequest request = GoodRequest();
  request.set_dense_threshold(0);
  const Answer answer = Evaluate(&server_, request);
  EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(answer.status), "dense_threshold");
}

TEST_F(EvaluationErrorTest, AnUnreadablePictureSaysOfWhichPrompt) {
  v1::EvaluateTranscodersRequest request = GoodRequest();
  request.mutable_prompts(1)->add_parts()->mutable_image()->set_data("no picture");
  const Answer answer = Evaluate(&server_, request);
  EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(answer.status), "IMAGE_UNREADABLE");
  EXPECT_EQ(FieldOf(answer.status), "prompts[1].parts[0].image");
}

TEST_F(EvaluationErrorTest, MoreThanTheBudgetIsRefusedForGoodBeforeAllPromptsAreMade) {
  v1::EvaluateTranscodersRequest request;
  for (int i = 0; i < 3; ++i) {
    v1::Prompt* prompt = request.add_prompts();
    for (int token = 0; token < 501; ++token) prompt->add_token_ids(5);
  }
  const Answer answer = Evaluate(&server_, request);
  EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(answer.status), "NEVER_FITS");
  EXPECT_THAT(answer.status.error_message(),
              testing::AllOf(testing::HasSubstr("the first 2"), testing::HasSubstr("1002000")));
  EXPECT_EQ(server_.engine().computations(), 0);
}

}  // namespace
}  // namespace cajal::server
