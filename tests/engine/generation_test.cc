// The engine continues prompts of text and pictures as Transformers does
// (tests/golden/generation.json), on the golden and on the embedded model.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/engine.h"
#include "tests/support/status_matchers.h"

namespace cajal {
namespace {

std::string ReadAll(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

std::unique_ptr<Engine> Load(const std::string& model, const std::string& transcoders) {
  RunContext context;
  auto engine = LoadEngine(
      {.model_dir = model, .transcoder_dir = transcoders, .device = DeviceChoice::kCpu}, &context);
  EXPECT_THAT(engine, testing::IsOk());
  return engine.ok() ? *std::move(engine) : nullptr;
}

void ExpectContinuations(Engine* engine, const nlohmann::json& cases, const std::string& images) {
  for (const auto& golden : cases) {
    SCOPED_TRACE(golden["prompt"].get<std::string>());
    tokenizer::Prompt prompt;
    prompt.parts.push_back({.text = golden["prompt"]});
    for (const auto& image : golden["images"]) {
      prompt.parts.push_back(
          {.image = tokenizer::EncodedImage{ReadAll(images + "/" + image.get<std::string>())}});
    }
    const auto prepared = engine->Prepare(prompt);
    ASSERT_THAT(prepared, testing::IsOk());
    EXPECT_EQ(prepared->tokenized.token_ids, golden["token_ids"].get<std::vector<int64_t>>());
    std::string streamed;
    RunContext context;
    const auto result = engine->Generate(
        *prepared, {.max_new_tokens = 24},
        [&streamed](const std::vector<generation::GeneratedToken>& step) {
          streamed += step[0].text;
        },
        &context);
    ASSERT_THAT(result, testing::IsOk());
    EXPECT_EQ(result->sequences[0].token_ids, golden["new_token_ids"].get<std::vector<int64_t>>());
    EXPECT_EQ(result->sequences[0].text, golden["text"]);
    EXPECT_EQ(streamed, golden["text"]);
  }
}

TEST(EngineGeneration, ContinuesAsTransformersDoesWithTheEmbeddedModel) {
  const auto golden = nlohmann::json::parse(ReadAll("golden/generation.json"));
  const auto engine = Load("../models/demo", "../models/demo/transcoders");
  ASSERT_NE(engine, nullptr);
  ASSERT_GE(golden["demo"].size(), 7U);
  ExpectContinuations(engine.get(), golden["demo"], "../models/demo/images");
}

TEST(EngineGeneration, ContinuesAsTransformersDoesWithTheGoldenModel) {
  const auto golden = nlohmann::json::parse(ReadAll("golden/generation.json"));
  const auto engine = Load("golden/tiny", "golden/transcoders/plt_topk");
  ASSERT_NE(engine, nullptr);
  ExpectContinuations(engine.get(), golden["tiny"], "golden/images");
}

TEST(EngineGeneration, RefusesBadRequestsAndThenServesAGoodOne) {
  const auto engine = Load("golden/tiny", "golden/transcoders/plt_topk");
  ASSERT_NE(engine, nullptr);
  tokenizer::Prompt prompt;
  prompt.parts.push_back({.text = "The capital"});
  const auto prepared = engine->Prepare(prompt);
  ASSERT_THAT(prepared, testing::IsOk());
  const auto generate = [&](const generation::GenerateRequest& request) {
    RunContext context;
    return engine->Generate(
        *prepared, request, [](const std::vector<generation::GeneratedToken>&) {}, &context);
  };
  EXPECT_THAT(generate({.stop_tokens = {"two words"}}), testing::HasField("stop_tokens[0]"));
  EXPECT_THAT(generate({.max_new_tokens = 1 << 30}), testing::HasField("max_new_tokens"));
  EXPECT_THAT(generate({.max_new_tokens = 2}), testing::IsOk());
}

}  // namespace
}  // namespace cajal
