#include "model/tokenizer/tokenize_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "model/tokenizer/chat_template.h"
#include "tests/golden_util.h"

namespace cajal::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Ids = std::vector<int64_t>;
using nlohmann::json;

constexpr int64_t kMaxPositions = 100;

PromptPart Text(const std::string& text) { return {text, std::nullopt}; }
PromptPart Image() { return {"", EncodedImage{"png"}}; }

class TokenizePromptTest : public testing::Test {
 protected:
  TokenizePromptTest()
      : tokenizer_(*Tokenizer::Load("golden/tiny")),
        config_(*checkpoint::LoadConfig("golden/tiny")),
        cases_(json::parse(golden::ReadBytes("golden/cases.json"))["cases"]) {}

  absl::StatusOr<TokenizedPrompt> Run(const Prompt& prompt, std::vector<int32_t> crops = {}) {
    if (crops.empty()) crops.resize(ImagesOf(prompt).size());
    return TokenizePrompt(tokenizer_, config_, prompt, crops, kMaxPositions);
  }

  // Ids, single tokens and image positions equal the golden case's.
  void ExpectGolden(const absl::StatusOr<TokenizedPrompt>& result, const std::string& name) {
    ASSERT_TRUE(result.ok()) << result.status();
    const json& golden = cases_[name];
    EXPECT_EQ(result->token_ids, golden["input_ids"].get<Ids>());
    EXPECT_EQ(result->token_texts, golden["tokens"].get<std::vector<std::string>>());
    std::vector<int> in_image(result->token_ids.size());
    for (const ImageSpan& span : result->image_spans) {
      for (int32_t t = span.begin; t < span.end; ++t) in_image[static_cast<size_t>(t)] = 1;
    }
    EXPECT_EQ(in_image, golden["token_type_ids"].get<std::vector<int>>());
  }

  void ExpectRefused(const Prompt& prompt, const std::string& field, const std::string& reason,
                     const std::string& because, std::vector<int32_t> crops = {}) {
    const absl::Status status = Run(prompt, std::move(crops)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(FieldOf(status), field);
    EXPECT_EQ(ReasonOf(status), reason);
    EXPECT_THAT(std::string(status.message()), HasSubstr(because));
  }

  Tokenizer tokenizer_;
  checkpoint::Gemma3Config config_;
  json cases_;
};

TEST_F(TokenizePromptTest, TokenizerAndConfigAgree) {
  EXPECT_TRUE(CheckTokenizer(tokenizer_, config_).ok());
  config_.image_token_id = 511;
  EXPECT_THAT(
      std::string(CheckTokenizer(tokenizer_, config_).message()),
      HasSubstr("gives <image_soft_token> the id 512, but config.json gives it the id 511"));
}

TEST_F(TokenizePromptTest, TextIsGolden) {
  for (const std::string name : {"text", "text_long"}) {
    Prompt prompt;
    prompt.parts = {Text(cases_[name]["text"].get<std::string>())};
    const auto result = Run(prompt);
    ExpectGolden(result, name);
    EXPECT_EQ(result->text, "<bos>" + cases_[name]["text"].get<std::string>());
  }
}

TEST_F(TokenizePromptTest, OneImageIsGoldenAsAPartAndAsAPlaceholder) {
  Prompt as_part;
  as_part.parts = {Image(), Text(" This is")};
  ExpectGolden(Run(as_part), "one_image");
  Prompt as_placeholder;
  as_placeholder.parts = {Text("<start_of_image> This is"), Image()};
  ExpectGolden(Run(as_placeholder), "one_image");
}

TEST_F(TokenizePromptTest, ChatWithTwoImagesIsGoldenInEveryForm) {
  Prompt turns;
  turns.turns = {{"user", {Image(), Text("and "), Image(), Text(" which is larger?\n")}}};
  const auto result = Run(turns);
  ExpectGolden(result, "two_images_chat");
  ASSERT_EQ(result->image_spans.size(), 2u);
  EXPECT_EQ(result->image_spans[1].image, 1);
  EXPECT_EQ(result->image_spans[1].crop, -1);
  EXPECT_EQ(result->image_spans[1].begin, 15);
  EXPECT_EQ(result->image_spans[1].end, 19);

  Prompt rendered;  // the template's text with its own <bos>, which is not doubled
  rendered.parts = {Text(cases_["two_images_chat"]["text"].get<std::string>()), Image(), Image()};
  ExpectGolden(Run(rendered), "two_images_chat");

  Prompt ids;
  ids.token_ids = cases_["two_images_chat"]["input_ids"].get<Ids>();
  ids.images = {{"png"}, {"png"}};
  ExpectGolden(Run(ids), "two_images_chat");
}

TEST_F(TokenizePromptTest, CropsAreAnnouncedAsTheProcessorDoes) {
  Prompt prompt;
  prompt.parts = {Image(), Text("what?")};
  const auto result = Run(prompt, {2});
  ASSERT_TRUE(result.ok()) << result.status();
  const std::string image =
      "\n\n<start_of_image><image_soft_token><image_soft_token><image_soft_token>"
      "<image_soft_token><end_of_image>\n\n";
  EXPECT_EQ(result->text, "<bos>Here is the original image " + image +
                              " and here are some crops to help you see better " + image + " " +
                              image + "what?");
  ASSERT_EQ(result->image_spans.size(), 3u);
  EXPECT_EQ(result->image_spans[0].crop, -1);
  EXPECT_EQ(result->image_spans[2].crop, 1);
  EXPECT_EQ(result->image_spans[2].image, 0);
}

TEST_F(TokenizePromptTest, AssistantPrefixFollowsTheGenerationPrompt) {
  Prompt prompt;
  prompt.turns = {{"user", {Text("How many?")}}};
  prompt.assistant_prefix = " There";
  EXPECT_EQ(Run(prompt)->text,
            "<bos><start_of_turn>user\nHow many?<end_of_turn>\n<start_of_turn>model\n There");
}

TEST_F(TokenizePromptTest, BosIsAddedOnceToTextAndNeverToIds) {
  Prompt prompt;
  prompt.parts = {Text("<bos>a")};
  EXPECT_THAT(Run(prompt)->token_ids, ElementsAre(2, 460));
  Prompt ids;
  ids.token_ids = {460};
  EXPECT_THAT(Run(ids)->token_ids, ElementsAre(460));
}

TEST(RenderChat, EqualsTheTemplateOfTransformersInEveryCase) {
  const json cases = json::parse(golden::ReadBytes("golden/tokenizer_cases.json"));
  for (const json& c : cases["chat"]) {
    std::vector<ChatTurn> turns;
    for (const json& turn : c["turns"]) {
      turns.push_back({turn["role"].get<std::string>(), {}});
      for (const json& part : turn["parts"]) {
        turns.back().parts.push_back(part.is_null() ? Image() : Text(part.get<std::string>()));
      }
    }
    const auto text = RenderChat(turns, c["add_generation_prompt"].get<bool>(), true);
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_EQ("<bos>" + *text, c["text"].get<std::string>());
  }
}

TEST_F(TokenizePromptTest, EmptyPromptIsRefused) {
  ExpectRefused({}, "prompt", "", "is empty");
  Prompt prompt;
  prompt.parts = {Text("")};
  ExpectRefused(prompt, "prompt", "", "is empty");
}

TEST_F(TokenizePromptTest, TwoFormsAreRefused) {
  Prompt prompt;
  prompt.parts = {Text("a")};
  prompt.token_ids = {2};
  ExpectRefused(prompt, "prompt", "", "exactly one of parts, turns and token_ids");
}

TEST_F(TokenizePromptTest, InvalidUtf8IsRefusedWithItsPlace) {
  Prompt parts;
  parts.parts = {Text("a"), Text("\xff")};
  ExpectRefused(parts, "prompt.parts[1].text", "", "not valid UTF-8");
  Prompt turns;
  turns.turns = {{"user", {Text("\xc3")}}};
  ExpectRefused(turns, "prompt.turns[0].parts[0].text", "", "not valid UTF-8");
  Prompt prefix;
  prefix.parts = {Text("a")};
  prefix.assistant_prefix = "\x80";
  ExpectRefused(prefix, "prompt.assistant_prefix", "", "not valid UTF-8");
}

TEST_F(TokenizePromptTest, ImageCountThatDiffersFromThePlaceholdersIsRefusedWithBothNumbers) {
  Prompt too_few;
  too_few.parts = {Text("<start_of_image><start_of_image>"), Image()};
  ExpectRefused(too_few, "prompt.parts", "IMAGE_COUNT",
                "2 <start_of_image> placeholders, but the "
                "prompt brings 1 images");
  Prompt none;
  none.turns = {{"user", {Text("<start_of_image>")}}};
  ExpectRefused(none, "prompt.turns", "IMAGE_COUNT", "brings 0 images");
}

TEST_F(TokenizePromptTest, SoftTokensTypedByTheUserAreRefused) {
  Prompt prompt;
  prompt.parts = {Text("<image_soft_token>")};
  ExpectRefused(prompt, "prompt", "IMAGE_COUNT", "has 1; each picture has 4");
}

TEST_F(TokenizePromptTest, RunsOfSoftTokensMustMatchThePictures) {
  Prompt prompt;
  prompt.token_ids = {2, 512, 512, 512, 512, 460};
  ExpectRefused(prompt, "prompt", "IMAGE_COUNT",
                "1 runs of image soft tokens, but the prompt brings 0");
  prompt.images = {{"png"}, {"png"}};
  ExpectRefused(prompt, "prompt", "IMAGE_COUNT", "brings 2 images");
  prompt.token_ids = {2, 512, 512, 512};
  ExpectRefused(prompt, "prompt", "IMAGE_COUNT", "at position 1 has 3");
}

TEST_F(TokenizePromptTest, ImagesWithTextBelongIntoTheParts) {
  Prompt prompt;
  prompt.parts = {Text("a")};
  prompt.images = {{"png"}};
  ExpectRefused(prompt, "prompt.images", "", "with token_ids only");
}

TEST_F(TokenizePromptTest, ImagesForATextOnlyModelAreRefused) {
  config_.vision.reset();
  Prompt prompt;
  prompt.parts = {Image(), Text("a")};
  ExpectRefused(prompt, "prompt.parts", "", "the model is text-only");
}

TEST_F(TokenizePromptTest, PlaceholderIsAnOrdinaryTokenToATextOnlyModel) {
  config_.vision.reset();
  Prompt prompt;
  prompt.parts = {Text("<start_of_image>")};
  EXPECT_THAT(Run(prompt)->token_ids, ElementsAre(2, 25));
  EXPECT_THAT(Run(prompt)->image_spans, IsEmpty());
}

TEST_F(TokenizePromptTest, TokenIdsOutOfRangeAreRefusedWithTheirPlace) {
  Prompt prompt;
  prompt.token_ids = {2, 520};
  ExpectRefused(prompt, "prompt.token_ids[1]", "", "is 520; the range is 0 to 519");
  prompt.token_ids = {-1};
  ExpectRefused(prompt, "prompt.token_ids[0]", "", "is -1");
}

TEST_F(TokenizePromptTest, PromptBeyondTheLimitIsRefusedWithBothNumbers) {
  Prompt prompt;
  prompt.token_ids = Ids(kMaxPositions, 460);
  EXPECT_TRUE(Run(prompt).ok());
  prompt.token_ids.push_back(460);
  ExpectRefused(prompt, "prompt", "PROMPT_TOO_LONG", "has 101 positions; at most 100");
}

TEST_F(TokenizePromptTest, RolesThatDoNotAlternateAreRefused) {
  Prompt prompt;
  prompt.turns = {{"user", {Text("a")}}, {"user", {Text("b")}}};
  ExpectRefused(prompt, "prompt.turns[1].role", "", "must alternate");
  prompt.turns = {{"assistant", {Text("a")}}};
  ExpectRefused(prompt, "prompt.turns[0].role", "", "must alternate");
  prompt.turns = {{"user", {Text("a")}}, {"system", {Text("b")}}};
  ExpectRefused(prompt, "prompt.turns[1].role", "", "system may be the first turn only");
}

TEST_F(TokenizePromptTest, SystemTurnAloneOrWithAnImageIsRefused) {
  Prompt prompt;
  prompt.turns = {{"system", {Text("a")}}};
  ExpectRefused(prompt, "prompt.turns", "", "at least one turn of the user");
  prompt.turns = {{"system", {Image()}}, {"user", {Text("a")}}};
  ExpectRefused(prompt, "prompt.turns[0].parts", "", "text only");
}

}  // namespace
}  // namespace cajal::tokenizer
