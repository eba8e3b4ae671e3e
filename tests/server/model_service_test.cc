#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

TEST(ModelServiceTest, ServerInfoSaysWhatIsLoadedAndWhatIsPermitted) {
  TestServer server;
  grpc::ClientContext context;
  v1::GetServerInfoResponse response;
  ASSERT_TRUE(server.models().GetServerInfo(&context, {}, &response).ok());
  const v1::ServerInfo& info = response.server_info();
  EXPECT_EQ(info.version(), "0.1.0");
  EXPECT_EQ(info.model().name(), "fake");
  EXPECT_THAT(info.transcoders().features_per_layer(), testing::ElementsAre(1000, 1000));
  EXPECT_EQ(info.transcoders().residency(), "encoders");
  EXPECT_EQ(info.limits().max_request_bytes(), 32 << 20);
  EXPECT_EQ(info.limits().queue_size(), 64);
  EXPECT_EQ(info.limits().budget_bytes(), FakeEngine::kBudgetBytes);
  EXPECT_THAT(info.methods(),
              testing::IsSupersetOf(
                  {"cajal.v1.ModelService/Forward", "cajal.v1.GraphService/CreateGraph",
                   "cajal.v1.GraphService/PruneGraph",
                   "cajal.v1.FeatureService/EvaluateTranscoders", "cajal.v1.JobService/GetJob"}));
}

TEST(ModelServiceTest, TokenizeGivesTheTokensOfThePrompt) {
  TestServer server;
  grpc::ClientContext context;
  v1::TokenizeRequest request;
  request.mutable_prompt()->add_parts()->set_text("one two");
  v1::TokenizeResponse response;
  ASSERT_TRUE(server.models().Tokenize(&context, request, &response).ok());
  EXPECT_THAT(response.tokenized_prompt().token_ids(), testing::ElementsAre(0, 1));
  EXPECT_THAT(response.tokenized_prompt().token_texts(), testing::ElementsAre("t0", "t1"));
  EXPECT_EQ(response.tokenized_prompt().text(), "one two");
}

TEST(ModelServiceTest, TokenizeSaysWhatAGraphWouldCost) {
  TestServer server;
  const auto estimate = [&server](int32_t max_feature_nodes, v1::TokenizeResponse* response) {
    grpc::ClientContext context;
    v1::TokenizeRequest request;
    request.mutable_prompt()->add_parts()->set_text("one two");
    request.mutable_settings()->set_max_feature_nodes(max_feature_nodes);
    return server.models().Tokenize(&context, request, response);
  };
  v1::TokenizeResponse response;
  const grpc::Status refused = estimate(-1, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.error_message(), testing::HasSubstr("settings.max_feature_nodes"));
  ASSERT_TRUE(estimate(42, &response).ok());
  EXPECT_EQ(response.graph_estimate().bytes(), 2 * FakeEngine::kBytesPerPosition);
  EXPECT_EQ(response.graph_estimate().n_active_features(), 5);
  EXPECT_EQ(response.graph_estimate().n_rows(), 42);
  EXPECT_EQ(response.graph_estimate().operations(), 2e9);
}

TEST(ModelServiceTest, TokenizeNeedsNoQueue) {
  TestServer server;
  server.engine().CloseGate();
  GraphCall running(&server.graphs(), GraphRequest());
  server.engine().WaitUntilBlocked();
  grpc::ClientContext context;
  v1::TokenizeRequest request;
  request.mutable_prompt()->add_parts()->set_text("one two");
  v1::TokenizeResponse response;
  EXPECT_TRUE(server.models().Tokenize(&context, request, &response).ok());
  server.engine().OpenGate();
  EXPECT_TRUE(running.Finish().ok());
}

TEST(ModelServiceTest, ForwardSendsTheTopTokensAndTheTensorsInOrder) {
  TestServer server;
  grpc::ClientContext context;
  v1::ForwardRequest request;
  for (const int64_t id : {5, 6, 7}) request.mutable_prompt()->add_token_ids(id);
  request.add_hooks("blocks.0.hook_resid_pre");
  const auto reader = server.models().Forward(&context, request);
  v1::ForwardHeader header;
  std::vector<std::string> tensors;
  for (v1::ForwardResponse message; reader->Read(&message);) {
    if (message.has_header()) {
      header = message.header();
      tensors.resize(header.tensors_size());
    }
    if (!message.has_chunk()) continue;
    std::string& tensor = tensors.at(message.chunk().tensor());
    EXPECT_EQ(static_cast<int64_t>(tensor.size()), message.chunk().offset_bytes());
    tensor += message.chunk().data();
  }
  ASSERT_TRUE(reader->Finish().ok());

  ASSERT_EQ(header.top_tokens_size(), 1);
  EXPECT_EQ(header.top_tokens(0).token(), " Austin");
  ASSERT_EQ(header.tensors_size(), 2);
  EXPECT_EQ(header.tensors(0).name(), "input_ids");
  EXPECT_EQ(header.tensors(0).type(), v1::TENSOR_TYPE_I64);
  std::vector<int64_t> ids(3);
  ASSERT_EQ(tensors[0].size(), 24u);
  std::memcpy(ids.data(), tensors[0].data(), 24);
  EXPECT_THAT(ids, testing::ElementsAre(5, 6, 7));
  EXPECT_EQ(header.tensors(1).name(), "blocks.0.hook_resid_pre");
  EXPECT_THAT(header.tensors(1).shape(), testing::ElementsAre(3, 4));
  std::vector<float> values(12);
  ASSERT_EQ(tensors[1].size(), 48u);
  std::memcpy(values.data(), tensors[1].data(), 48);
  EXPECT_EQ(values[11], 11.0f);
}

TEST(ModelServiceTest, AForwardPassStopsWhenItsClientGoesAway) {
  TestServer server;
  server.engine().CloseGate();
  grpc::ClientContext context;
  v1::ForwardRequest request;
  request.mutable_prompt()->add_token_ids(5);
  const auto reader = server.models().Forward(&context, request);
  v1::ForwardResponse message;
  ASSERT_TRUE(reader->Read(&message));
  const std::string job = message.progress().job();
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
  EXPECT_EQ(server.WaitForJob(job).state(), v1::JOB_STATE_CANCELLED);
}

}  // namespace
}  // namespace cajal::server
