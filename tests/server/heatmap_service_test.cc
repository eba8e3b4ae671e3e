#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using testing::ElementsAre;

// Three words; the second one is a picture, which the engine takes but no decoder would.
v1::Prompt PromptWithPicture() {
  v1::Prompt prompt;
  prompt.add_parts()->set_text("one <start_of_image> three");
  prompt.add_parts()->mutable_image()->set_data("picture");
  return prompt;
}

v1::ComputeRolloutRequest GoodRequest() {
  v1::ComputeRolloutRequest request;
  *request.mutable_prompt() = PromptWithPicture();
  return request;
}

struct Answer {
  grpc::Status status;
  v1::RolloutHeader header;
  std::vector<std::string> tensors;  // bytes
  std::vector<v1::Progress> progress;

  [[nodiscard]] std::vector<float> Floats(size_t tensor) const {
    std::vector<float> values(tensors[tensor].size() / sizeof(float));
    std::memcpy(values.data(), tensors[tensor].data(), tensors[tensor].size());
    return values;
  }
};

Answer ComputeRollout(TestServer* server, const v1::ComputeRolloutRequest& request) {
  grpc::ClientContext context;
  const auto reader = server->heatmaps().ComputeRollout(&context, request);
  Answer answer;
  for (v1::ComputeRolloutResponse message; reader->Read(&message);) {
    if (message.has_progress()) answer.progress.push_back(message.progress());
    if (message.has_header()) {
      answer.header = message.header();
      answer.tensors.resize(static_cast<size_t>(answer.header.tensors_size()));
    }
    if (message.has_chunk()) {
      answer.tensors.at(static_cast<size_t>(message.chunk().tensor())) += message.chunk().data();
    }
  }
  answer.status = reader->Finish();
  return answer;
}

TEST(HeatmapServiceTest, ARolloutSendsProgressHeadsAndMaps) {
  TestServer server;
  const Answer answer = ComputeRollout(&server, GoodRequest());
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_FALSE(answer.progress.empty());
  EXPECT_EQ(answer.header.job(), answer.progress.front().job());
  EXPECT_EQ(answer.header.patches_per_side(), 2);
  EXPECT_EQ(answer.header.tokens_per_side(), 1);
  EXPECT_EQ(answer.header.settings().method(), v1::ROLLOUT_METHOD_ROLLOUT);
  EXPECT_EQ(answer.header.settings().head_fraction(), 0.3);
  EXPECT_EQ(answer.header.settings().pooling(), v1::ROLLOUT_POOLING_MAX);
  EXPECT_EQ(answer.header.tokenized_prompt().token_ids_size(), 3);
  ASSERT_EQ(answer.header.images_size(), 1);
  const v1::RolloutImage& image = answer.header.images(0);
  EXPECT_EQ(image.begin(), 1);
  EXPECT_EQ(image.width(), 40);
  EXPECT_THAT(image.box(), ElementsAre(0, 0, 40, 20));
  EXPECT_THAT(image.tokens(), ElementsAre(0));
  EXPECT_THAT(image.layers(0).kept_heads(), ElementsAre(1));
  EXPECT_THAT(image.layers(0).entropies(), ElementsAre(2, 1));
  ASSERT_EQ(answer.header.tensors_size(), 1);
  EXPECT_EQ(answer.header.tensors(0).name(), "0.pooled");
  EXPECT_THAT(answer.header.tensors(0).shape(), ElementsAre(1, 4));
  EXPECT_THAT(answer.Floats(0), ElementsAre(1, 2, 3, 4));
}

TEST(HeatmapServiceTest, MapsComeAsHalvesAndTheMatrixWhenAskedFor) {
  TestServer server;
  v1::ComputeRolloutRequest request = GoodRequest();
  request.set_half_precision(true);
  request.set_return_matrix(true);
  const Answer answer = ComputeRollout(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_EQ(answer.header.tensors_size(), 2);
  EXPECT_EQ(answer.header.tensors(0).type(), v1::TENSOR_TYPE_F16);
  // 1, 2, 3 and 4 in binary16, low byte first.
  EXPECT_EQ(answer.tensors[0], std::string("\x00\x3c\x00\x40\x00\x42\x00\x44", 8));
  EXPECT_EQ(answer.header.tensors(1).name(), "0.rollout");
  EXPECT_EQ(answer.Floats(1), std::vector<float>(16, 1));
}

TEST(HeatmapServiceTest, AMeanIsWeightedAsAskedAndMapsMayBeLeftOut) {
  TestServer server;
  v1::ComputeRolloutRequest request = GoodRequest();
  for (const double weight : {0.0, 0.5, 9.0}) request.mutable_weights()->add_values(weight);
  request.set_omit_maps(true);
  const Answer answer = ComputeRollout(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.header.images(0).weight(), 0.5);
  EXPECT_TRUE(answer.header.images(0).tokens().empty());
  ASSERT_EQ(answer.header.tensors_size(), 1);
  EXPECT_EQ(answer.header.tensors(0).name(), "0.mean");
}

std::string CreateGraphOf(TestServer* server, const v1::Prompt& prompt) {
  v1::CreateGraphRequest request;
  *request.mutable_prompt() = prompt;
  grpc::ClientContext context;
  const auto reader = server->graphs().CreateGraph(&context, request);
  std::string name;
  for (v1::CreateGraphResponse message; reader->Read(&message);) {
    if (message.has_header()) name = message.header().graph().name();
  }
  EXPECT_TRUE(reader->Finish().ok());
  return name;
}

TEST(HeatmapServiceTest, AGraphSaysHowMuchEachTokenCounts) {
  TestServer server;
  v1::ComputeRolloutRequest request = GoodRequest();
  request.mutable_graph()->set_graph(CreateGraphOf(&server, PromptWithPicture()));
  const Answer answer = ComputeRollout(&server, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_GE(answer.header.images(0).weight(), 0);
  EXPECT_EQ(answer.header.tensors(1).name(), "0.mean");
}

TEST(HeatmapServiceTest, ARolloutIsAJobThatStopsWhenItsClientGoesAway) {
  TestServer server;
  server.engine().CloseGate();
  grpc::ClientContext context;
  const auto reader = server.heatmaps().ComputeRollout(&context, GoodRequest());
  v1::ComputeRolloutResponse message;
  ASSERT_TRUE(reader->Read(&message));
  const std::string job = message.progress().job();
  EXPECT_EQ(server.GetJob(job).method(), "ComputeRollout");
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
  EXPECT_EQ(server.WaitForJob(job).state(), v1::JOB_STATE_CANCELLED);
}

TEST(HeatmapServiceTest, EveryBadFieldIsNamedAndTheNextCallIsAnswered) {
  TestServer server;
  const std::string other_graph = [&] {
    v1::Prompt prompt;
    prompt.add_parts()->set_text("just words of another prompt");
    return CreateGraphOf(&server, prompt);
  }();
  struct Case {
    std::string field;
    std::function<void(v1::ComputeRolloutRequest*)> spoil;
    grpc::StatusCode code = grpc::INVALID_ARGUMENT;
  };
  const std::vector<Case> cases = {
      {"prompt", [](auto* r) { r->clear_prompt(); }},
      {"prompt",
       [](auto* r) {
         r->clear_prompt();
         r->mutable_prompt()->add_parts()->set_text("no picture");
       }},
      {"settings.last_layers", [](auto* r) { r->mutable_settings()->set_last_layers(5); }},
      {"settings.method",
       [](auto* r) { r->mutable_settings()->set_method(static_cast<v1::RolloutMethod>(9)); }},
      {"settings.pooling",
       [](auto* r) { r->mutable_settings()->set_pooling(static_cast<v1::RolloutPooling>(9)); }},
      {"pictures.colors",
       [](auto* r) { r->mutable_pictures()->set_colors(static_cast<v1::HeatmapColors>(99)); }},
      {"pictures.opacity", [](auto* r) { r->mutable_pictures()->set_opacity(1.5); }},
      {"pictures.opacity", [](auto* r) { r->mutable_pictures()->set_opacity(NAN); }},
      {"pictures.clip_top_percent",
       [](auto* r) { r->mutable_pictures()->set_clip_top_percent(100); }},
      {"pictures.max_side", [](auto* r) { r->mutable_pictures()->set_max_side(5000); }},
      {"omit_maps", [](auto* r) { r->set_omit_maps(true); }},
      {"weights", [](auto* r) { r->mutable_weights(); }},
      {"weights", [](auto* r) { r->mutable_weights()->add_values(1); }},
      {"graph.graph", [](auto* r) { r->mutable_graph()->set_graph("nonsense"); }},
      {"graph.graph", [&](auto* r) { r->mutable_graph()->set_graph(other_graph); }},
      {"graph.node_ids[0]",
       [&](auto* r) {
         r->mutable_graph()->set_graph(CreateGraphOf(&server, PromptWithPicture()));
         r->mutable_graph()->add_node_ids("nobody");
       }},
  };
  for (const Case& c : cases) {
    v1::ComputeRolloutRequest request = GoodRequest();
    c.spoil(&request);
    const Answer answer = ComputeRollout(&server, request);
    EXPECT_EQ(answer.status.error_code(), c.code) << c.field;
    EXPECT_EQ(FieldOf(answer.status), c.field) << answer.status.error_message();
    EXPECT_TRUE(ComputeRollout(&server, GoodRequest()).status.ok());
  }
  v1::ComputeRolloutRequest request = GoodRequest();
  request.mutable_graph()->set_graph("graphs/0123456789abcdef");
  EXPECT_EQ(ComputeRollout(&server, request).status.error_code(), grpc::NOT_FOUND);
}

}  // namespace
}  // namespace cajal::server
