// Evaluations as the library puts them together and adds them up.
#include "client/cpp/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cpp/assemble.h"
#include "client/cpp/client.h"
#include "client/cpp/error_details.h"
#include "tests/client/fake_server.h"

namespace cajal::client {
namespace {

using client_test::FakeServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Layer 3 of width 2 with three features; two text tokens and no image.
v1::EvaluationHeader SmallHeader() {
  v1::EvaluationHeader header;
  v1::LayerEvaluation* layer = header.add_layers();
  layer->set_layer(3);
  layer->set_d_model(2);
  layer->set_n_features(3);
  layer->mutable_text()->set_n_tokens(2);
  layer->mutable_text()->set_squared_error(0.5);
  layer->mutable_text()->set_squared_output(10);
  v1::PhaseTime* phase = header.add_phases();
  phase->set_phase("evaluate");
  phase->set_seconds(1.5);
  header.set_seconds(1.5);
  return header;
}

v1::EvaluationChunk Outputs(v1::Modality modality, int offset, const std::vector<double>& values) {
  v1::EvaluationChunk chunk;
  chunk.set_layer(3);
  chunk.set_modality(modality);
  chunk.mutable_outputs()->set_offset(offset);
  chunk.mutable_outputs()->mutable_values()->Add(values.begin(), values.end());
  return chunk;
}

v1::EvaluationChunk Counts(v1::Modality modality, int offset, const std::vector<int64_t>& values) {
  v1::EvaluationChunk chunk;
  chunk.set_layer(3);
  chunk.set_modality(modality);
  chunk.mutable_counts()->set_offset(offset);
  chunk.mutable_counts()->mutable_values()->Add(values.begin(), values.end());
  return chunk;
}

// The counts of text come in two stretches.
std::vector<v1::EvaluationChunk> SmallChunks() {
  return {Outputs(v1::MODALITY_TEXT, 0, {4, 2}), Counts(v1::MODALITY_TEXT, 0, {2, 1}),
          Counts(v1::MODALITY_TEXT, 2, {0}), Outputs(v1::MODALITY_IMAGE, 0, {0, 0}),
          Counts(v1::MODALITY_IMAGE, 0, {0, 0, 0})};
}

void ExpectBroken(const absl::Status& status, const std::string& text) {
  EXPECT_EQ(ErrorReason(status), "BROKEN_ANSWER");
  EXPECT_THAT(std::string(status.message()), HasSubstr(text));
}

TEST(EvaluationAssembler, JoinsTheStretchesOfTheSums) {
  EvaluationAssembler assembler;
  ASSERT_TRUE(assembler.Add(SmallHeader()).ok());
  for (const v1::EvaluationChunk& chunk : SmallChunks()) ASSERT_TRUE(assembler.Add(chunk).ok());
  const auto evaluation = assembler.Finish();
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  ASSERT_EQ(evaluation->layers.size(), 1u);
  EXPECT_EQ(evaluation->layers[0].layer, 3);
  const features::ReconstructionSums& text = evaluation->layers[0].sums.text;
  EXPECT_EQ(text.tokens, 2);
  EXPECT_THAT(text.output, ElementsAre(4, 2));
  EXPECT_THAT(text.activations, ElementsAre(2, 1, 0));
  EXPECT_EQ(evaluation->layers[0].sums.image.tokens, 0);
}

TEST(EvaluationAssembler, RefusesAnswersThatContradictThemselves) {
  EvaluationAssembler no_header;
  ExpectBroken(no_header.Add(SmallChunks()[0]), "before the header");
  ExpectBroken(no_header.Finish().status(), "ended before the header");

  EvaluationAssembler assembler;
  ASSERT_TRUE(assembler.Add(SmallHeader()).ok());
  ExpectBroken(assembler.Add(SmallHeader()), "a second header");
  v1::EvaluationChunk of_other_layer = SmallChunks()[0];
  of_other_layer.set_layer(4);
  ExpectBroken(assembler.Add(of_other_layer), "layer 4");
  ExpectBroken(assembler.Add(Outputs(v1::MODALITY_TEXT, 1, {4})), "offset 1");
  ExpectBroken(assembler.Add(Outputs(v1::MODALITY_TEXT, 0, {4, 2, 1})), "of 2 sums");
  ASSERT_TRUE(assembler.Add(Outputs(v1::MODALITY_TEXT, 0, {4, 2})).ok());
  ExpectBroken(assembler.Finish().status(), "layer 3 are not complete");
}

TranscoderEvaluation EvaluationOf(int32_t layer, int64_t tokens) {
  features::LayerSums sums{.text = features::EmptySums(1, 2), .image = features::EmptySums(1, 2)};
  sums.text.tokens = tokens;
  sums.text.output = {static_cast<double>(tokens)};
  sums.text.activations = {tokens, 0};
  return {.layers = {{.layer = layer, .sums = sums}}, .phases = {{"evaluate", 2}}, .seconds = 2};
}

TEST(Merge, AddsUpWhatTwoCallsGave) {
  TranscoderEvaluation total;
  ASSERT_TRUE(Merge(EvaluationOf(0, 5), &total).ok());
  ASSERT_TRUE(Merge(EvaluationOf(0, 7), &total).ok());
  EXPECT_EQ(total.layers[0].sums.text.tokens, 12);
  EXPECT_THAT(total.layers[0].sums.text.output, ElementsAre(12));
  EXPECT_THAT(total.layers[0].sums.text.activations, ElementsAre(12, 0));
  EXPECT_EQ(total.seconds, 4);
  ASSERT_EQ(total.phases.size(), 1u);
  EXPECT_EQ(total.phases[0].seconds, 4);
}

TEST(Merge, RefusesEvaluationsOfOtherLayers) {
  TranscoderEvaluation total = EvaluationOf(0, 5);
  EXPECT_EQ(Merge(EvaluationOf(1, 7), &total).code(), absl::StatusCode::kInvalidArgument);
  TranscoderEvaluation wider = EvaluationOf(0, 7);
  wider.layers[0].sums.text.activations.push_back(1);
  EXPECT_EQ(Merge(wider, &total).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(total.layers[0].sums.text.tokens, 5);
}

TEST(EvaluateTranscoders, SendsThePromptsAndReportsProgress) {
  FakeServer server;
  v1::EvaluateTranscodersRequest seen;
  server.features.evaluate_transcoders =
      [&seen](const v1::EvaluateTranscodersRequest& request,
              grpc::ServerWriter<v1::EvaluateTranscodersResponse>* writer, auto*) {
        seen = request;
        v1::EvaluateTranscodersResponse message;
        message.mutable_progress()->set_phase("evaluate");
        message.mutable_progress()->set_done(1);
        writer->Write(message);
        *message.mutable_header() = SmallHeader();
        writer->Write(message);
        for (const v1::EvaluationChunk& chunk : SmallChunks()) {
          *message.mutable_chunk() = chunk;
          writer->Write(message);
        }
        return grpc::Status::OK;
      };
  auto client = Client::Create({.server = server.address()});
  ASSERT_TRUE(client.ok());
  std::string phase;
  const auto evaluation = (*client)->EvaluateTranscoders(
      {.prompts = {TextPrompt("one"), Prompt{.parts = {{.image = Image{"PNG"}}}}},
       .first_layer = 3,
       .last_layer = 3},
      {.on_progress = [&phase](const Progress& progress) { phase = progress.phase; }});
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_EQ(phase, "evaluate");
  ASSERT_EQ(seen.prompts_size(), 2);
  EXPECT_EQ(seen.prompts(0).parts(0).text(), "one");
  EXPECT_EQ(seen.prompts(1).parts(0).image().data(), "PNG");
  EXPECT_EQ(seen.first_layer(), 3);
  EXPECT_TRUE(seen.has_last_layer());
  EXPECT_FALSE(seen.has_dense_threshold());
  // Outputs of two tokens: sum y^2 10, less |(4, 2)|^2 / 2 = 10, does not vary.
  EXPECT_EQ(features::FiguresOf(evaluation->layers[0].sums.text).fvu, std::nullopt);
  EXPECT_DOUBLE_EQ(features::FiguresOf(evaluation->layers[0].sums.text).mean_l0, 1.5);
}

TEST(EvaluateTranscoders, NamesThePromptThatIsNoUtf8) {
  auto client = Client::Create({.server = "127.0.0.1:1"});
  ASSERT_TRUE(client.ok());
  const auto evaluation =
      (*client)->EvaluateTranscoders({.prompts = {TextPrompt("one"), TextPrompt("\xff")}});
  EXPECT_EQ(ErrorReason(evaluation.status()), "INVALID_UTF8");
  EXPECT_THAT(std::string(evaluation.status().message()), HasSubstr("prompts[1]"));
}

}  // namespace
}  // namespace cajal::client
