// The engine continues prompts of text and pictures as Transformers does
// (tests/golden/generation.json), on the golden and on the embedded model.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>
#include <vector>

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

// What edits do to the first new token is what Intervene says of the next token.
TEST(EngineGeneration, EditsArePutInBesideTheCleanRun) {
  const auto engine = Load("golden/tiny", "golden/transcoders/plt_topk");
  ASSERT_NE(engine, nullptr);
  tokenizer::Prompt prompt;
  prompt.parts.push_back({.text = "<start_of_image> This is"});
  prompt.parts.push_back(
      {.image = tokenizer::EncodedImage{ReadAll("golden/images/shapes_97x61.png")}});
  const auto prepared = engine->Prepare(prompt);
  ASSERT_THAT(prepared, testing::IsOk());
  const auto donor = engine->Prepare({.parts = {{.text = "The capital of France is"}}});
  ASSERT_THAT(donor, testing::IsOk());

  intervention::EditSet features{.label = "picture"};
  features.features.push_back({.layer = 2,
                               .feature = 17,
                               .positions = {.kind = intervention::PositionKind::kImage},
                               .operation = {intervention::OperationKind::kAdd, 20}});
  intervention::EditSet hooks{.label = "donor"};
  hooks.hooks.push_back({.hook = "blocks.4.hook_resid_post",
                         .positions = intervention::At(-1),
                         .from_donor = true,
                         .donor_positions = intervention::At(-1)});
  InterventionRequest intervene{.edit_sets = {features, hooks}};
  intervene.donor = std::make_shared<const PreparedPrompt>(*donor);
  RunContext context;
  const auto expected = engine->Intervene(*prepared, intervene, &context);
  ASSERT_THAT(expected, testing::IsOk());

  generation::GenerateRequest request{.max_new_tokens = 3, .edit_sets = intervene.edit_sets};
  request.donor = intervene.donor;
  std::vector<generation::GeneratedToken> first;
  const auto result = engine->Generate(
      *prepared, request,
      [&first](const std::vector<generation::GeneratedToken>& step) {
        if (first.empty()) first = step;
      },
      &context);
  ASSERT_THAT(result, testing::IsOk());
  ASSERT_EQ(result->sequences.size(), 3U);
  EXPECT_EQ(result->sequences[0].edit_set, -1);
  EXPECT_EQ(result->sequences[2].edit_set, 1);
  EXPECT_EQ(result->sequences[2].label, "donor");
  EXPECT_EQ(first[0].chosen.token_id, expected->sets[0].clean_top[0].token_id);
  for (size_t set = 0; set < 2; ++set) {
    const intervention::TokenChange& top = expected->sets[set].edited_top[0];
    EXPECT_EQ(first[set + 1].chosen.token_id, top.token_id);
    EXPECT_NEAR(first[set + 1].chosen.logit, top.edited.logit, 1e-4);
    EXPECT_GT(std::abs(top.edited.logit - top.clean.logit), 1e-2);
  }
}

TEST(EngineGeneration, RefusesBadEditsAndThenServesGoodOnes) {
  const auto engine = Load("golden/tiny", "golden/transcoders/plt_topk");
  ASSERT_NE(engine, nullptr);
  const auto prepared = engine->Prepare({.parts = {{.text = "The capital"}}});
  ASSERT_THAT(prepared, testing::IsOk());
  generation::GenerateRequest good{.max_new_tokens = 2};
  good.edit_sets.push_back({.features = {{.layer = 1, .feature = 3}}});
  const auto generate = [&](const generation::GenerateRequest& request) {
    RunContext context;
    return engine->Generate(
        *prepared, request, [](const std::vector<generation::GeneratedToken>&) {}, &context);
  };
  generation::GenerateRequest frozen = good;
  frozen.run.freeze.kind = intervention::FreezeKind::kAttention;
  EXPECT_THAT(engine->Validate(frozen), testing::HasField("settings.freeze.kind"));
  EXPECT_THAT(generate(frozen), testing::HasField("settings.freeze.kind"));
  generation::GenerateRequest outside = good;
  outside.edit_sets[0].features[0].positions = intervention::At(100);
  EXPECT_THAT(engine->Validate(*prepared, outside),
              testing::HasField("edit_sets[0].feature_edits[0].positions"));
  EXPECT_THAT(generate(outside), testing::HasField("edit_sets[0].feature_edits[0].positions"));
  generation::GenerateRequest no_donor = good;
  no_donor.edit_sets[0].hooks.push_back({.hook = "blocks.0.hook_resid_pre", .from_donor = true});
  EXPECT_THAT(generate(no_donor), testing::HasReason("NO_DONOR"));
  EXPECT_THAT(generate(good), testing::IsOk());
}

TEST(EngineGeneration, EstimatesGrowWithEditSets) {
  const auto engine = Load("golden/tiny", "golden/transcoders/plt_topk");
  ASSERT_NE(engine, nullptr);
  const auto prepared = engine->Prepare({.parts = {{.text = "The capital"}}});
  ASSERT_THAT(prepared, testing::IsOk());
  generation::GenerateRequest request{.max_new_tokens = 2};
  const int64_t clean = engine->EstimateBytes(*prepared, request);
  request.edit_sets.resize(8);
  for (auto& set : request.edit_sets) set.features = {{.layer = 1, .feature = 3}};
  EXPECT_GT(engine->EstimateBytes(*prepared, request), clean);
}

}  // namespace
}  // namespace cajal
