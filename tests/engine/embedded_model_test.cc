// The embedded model answers in Cajal as in Transformers: models/demo/examples.json holds what the
// latter said when the model was made.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/engine.h"
#include "model/image/decode_image.h"
#include "tests/support/status_matchers.h"

namespace cajal {
namespace {

const std::string kFolder = "../models/demo";

std::string ReadAll(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

class EmbeddedModelTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto engine = LoadEngine({.model_dir = kFolder,
                              .transcoder_dir = kFolder + "/transcoders",
                              .device = DeviceChoice::kCpu},
                             &Context());
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = std::move(*engine);
  }
  static void TearDownTestSuite() { engine_.reset(); }
  static RunContext& Context() {
    static RunContext context;
    return context;
  }

  static std::unique_ptr<Engine> engine_;
};

std::unique_ptr<Engine> EmbeddedModelTest::engine_;

TEST_F(EmbeddedModelTest, AnswersAsInTransformers) {
  const auto examples = nlohmann::json::parse(ReadAll(kFolder + "/examples.json"));
  ASSERT_GE(examples.size(), 12u);
  for (const auto& example : examples) {
    SCOPED_TRACE(example["image"].get<std::string>());
    tokenizer::Prompt prompt;
    prompt.parts = {{.text = example["prompt"]},
                    {.image = tokenizer::EncodedImage{
                         ReadAll(kFolder + "/" + example["image"].get<std::string>())}}};
    const auto prepared = engine_->Prepare(prompt);
    ASSERT_TRUE(prepared.ok()) << prepared.status();
    EXPECT_EQ(prepared->tokenized.token_ids, example["token_ids"].get<std::vector<int64_t>>());
    const auto result = engine_->Forward(*prepared, {.hooks = {}, .top_k = 5}, &Context());
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->top.size(), 5u);
    EXPECT_EQ(result->top[0].token_id, example["next_tokens"][0]["token_id"]);
    for (const auto& expected : example["next_tokens"]) {
      for (const auto& token : result->top) {
        if (token.token_id != expected["token_id"]) continue;
        EXPECT_NEAR(token.probability, expected["probability"].get<double>(), 1e-4);
      }
    }
  }
}

TEST_F(EmbeddedModelTest, ItsGraphAddsUp) {
  tokenizer::Prompt prompt;
  prompt.parts = {{.text = "<start_of_image> This is planet"},
                  {.image = tokenizer::EncodedImage{ReadAll(kFolder + "/images/mars.png")}}};
  const auto prepared = engine_->Prepare(prompt);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const auto graph = engine_->Attribute(*prepared, {}, &Context());
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_LT(graph->additivity.max_relative_error, 1e-4);
  EXPECT_EQ(graph->logits[0].token, " Mars");

  // The picture has the vision tower's size, so that it is seen as it is.
  ASSERT_EQ(graph->image_runs.size(), 1u);
  const auto seen = image::DecodeImage(graph->image_runs[0].thumbnail, 10'000);
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->pixels,
            image::DecodeImage(ReadAll(kFolder + "/images/mars.png"), 10'000)->pixels);
}

}  // namespace
}  // namespace cajal
