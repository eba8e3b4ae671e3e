#include "server/prompt_conversion.h"

#include <gtest/gtest.h>

#include "model/base/status.h"

namespace cajal::server {
namespace {

std::string FieldAtFault(v1::Prompt prompt) {
  return FieldOf(PromptFromProto(std::move(prompt)).status());
}

TEST(PromptConversionTest, PartsKeepTheirOrderAndKinds) {
  v1::Prompt proto;
  proto.add_parts()->set_text("a");
  proto.add_parts()->mutable_image()->set_data("png");
  proto.set_assistant_prefix("It is");
  proto.set_pan_and_scan(true);
  const auto prompt = PromptFromProto(std::move(proto));
  ASSERT_TRUE(prompt.ok());
  ASSERT_EQ(prompt->parts.size(), 2u);
  EXPECT_EQ(prompt->parts[0].text, "a");
  EXPECT_FALSE(prompt->parts[0].image.has_value());
  EXPECT_EQ(prompt->parts[1].image->bytes, "png");
  EXPECT_EQ(prompt->assistant_prefix, "It is");
  EXPECT_TRUE(prompt->pan_and_scan);
}

TEST(PromptConversionTest, AChatKeepsItsTurnsAndOpensTheModelsTurnUnlessToldOtherwise) {
  v1::Prompt proto;
  v1::ChatTurn* turn = proto.add_turns();
  turn->set_role(v1::ROLE_USER);
  turn->add_parts()->set_text("hello");
  const auto open = PromptFromProto(v1::Prompt(proto));
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(open->turns[0].role, "user");
  EXPECT_TRUE(open->add_generation_prompt);
  proto.set_add_generation_prompt(false);
  EXPECT_FALSE(PromptFromProto(std::move(proto))->add_generation_prompt);
}

TEST(PromptConversionTest, TokensBringTheirPictures) {
  v1::Prompt proto;
  proto.add_token_ids(2);
  proto.add_images()->set_data("png");
  const auto prompt = PromptFromProto(std::move(proto));
  ASSERT_TRUE(prompt.ok());
  EXPECT_EQ(prompt->token_ids, (std::vector<int64_t>{2}));
  EXPECT_EQ(prompt->images[0].bytes, "png");
}

TEST(PromptConversionTest, NoneOrSeveralKindsOfInputAreRefused) {
  EXPECT_EQ(FieldAtFault({}), "prompt");
  v1::Prompt both;
  both.add_parts()->set_text("a");
  both.add_token_ids(2);
  EXPECT_EQ(FieldAtFault(both), "prompt");
}

TEST(PromptConversionTest, ErrorsNameTheElement) {
  v1::Prompt empty_part;
  empty_part.add_parts()->set_text("a");
  empty_part.add_parts();
  EXPECT_EQ(FieldAtFault(empty_part), "prompt.parts[1]");

  v1::Prompt no_role;
  no_role.add_turns()->add_parts()->set_text("a");
  EXPECT_EQ(FieldAtFault(no_role), "prompt.turns[0].role");

  v1::Prompt no_parts;
  no_parts.add_turns()->set_role(v1::ROLE_USER);
  EXPECT_EQ(FieldAtFault(no_parts), "prompt.turns[0].parts");

  v1::Prompt stray_image;
  stray_image.add_parts()->set_text("a");
  stray_image.add_images()->set_data("png");
  EXPECT_EQ(FieldAtFault(stray_image), "prompt.images");
}

TEST(PromptConversionTest, BytesThatAreNotUtf8BecomeReplacementCharacters) {
  EXPECT_EQ(ToValidUtf8("Zürich 東京 🚀"), "Zürich 東京 🚀");
  EXPECT_EQ(ToValidUtf8("a\xe2z"), "a\uFFFDz");                            // a cut-off sequence
  EXPECT_EQ(ToValidUtf8("\xc0\xaf"), "\uFFFD\uFFFD");                      // overlong
  EXPECT_EQ(ToValidUtf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");            // a surrogate
  EXPECT_EQ(ToValidUtf8("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // beyond U+10FFFF
}

}  // namespace
}  // namespace cajal::server
