#include "model/generation/text_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace cajal::generation {
namespace {

// The golden vocabulary: bytes are 27 to 282.
int64_t Byte(int value) { return 27 + value; }

class TextStreams : public ::testing::Test {
 protected:
  void SetUp() override {
    auto tokenizer = tokenizer::Tokenizer::Load("golden/tiny");
    ASSERT_THAT(tokenizer, testing::IsOk());
    tokenizer_ = std::make_unique<tokenizer::Tokenizer>(*std::move(tokenizer));
  }
  // The pieces of the tokens; the last one is what Finish adds.
  [[nodiscard]] std::vector<std::string> Pieces(const std::vector<int64_t>& ids) const {
    TextStream stream(*tokenizer_);
    std::vector<std::string> pieces;
    for (const int64_t id : ids) pieces.push_back(stream.Add(id));
    pieces.push_back(stream.Finish());
    return pieces;
  }

  std::unique_ptr<tokenizer::Tokenizer> tokenizer_;
};

TEST_F(TextStreams, WordsComeAtOnce) {
  const std::vector<int64_t> ids = tokenizer_->Encode("The capital of France is");
  ASSERT_GT(ids.size(), 3U);
  const std::vector<std::string> pieces = Pieces(ids);
  std::string text;
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_FALSE(pieces[i].empty());
    text += pieces[i];
  }
  EXPECT_EQ(text, "The capital of France is");
  EXPECT_EQ(pieces.back(), "");
}

TEST_F(TextStreams, BytesAreHeldBackUntilTheirCharacterIsComplete) {
  // U+1F600, then U+00E9, then U+20AC.
  EXPECT_EQ(Pieces({Byte(0xF0), Byte(0x9F), Byte(0x98), Byte(0x80), Byte(0xC3), Byte(0xA9),
                    Byte(0xE2), Byte(0x82), Byte(0xAC)}),
            (std::vector<std::string>{"", "", "", "\xF0\x9F\x98\x80", "", "\xC3\xA9", "", "",
                                      "\xE2\x82\xAC", ""}));
}

TEST_F(TextStreams, BytesWhoseRangeIsNarrowedByTheFirstOneAreHeldBackToo) {
  // U+0800, U+D7FF, U+10000 and U+10FFFF: the ends of what E0, ED, F0 and F4 may begin.
  EXPECT_EQ(Pieces({Byte(0xE0), Byte(0xA0), Byte(0x80)}),
            (std::vector<std::string>{"", "", "\xE0\xA0\x80", ""}));
  EXPECT_EQ(Pieces({Byte(0xED), Byte(0x9F), Byte(0xBF)}),
            (std::vector<std::string>{"", "", "\xED\x9F\xBF", ""}));
  EXPECT_EQ(Pieces({Byte(0xF0), Byte(0x90), Byte(0x80), Byte(0x80)}),
            (std::vector<std::string>{"", "", "", "\xF0\x90\x80\x80", ""}));
  EXPECT_EQ(Pieces({Byte(0xF4), Byte(0x8F), Byte(0xBF), Byte(0xBF)}),
            (std::vector<std::string>{"", "", "", "\xF4\x8F\xBF\xBF", ""}));
}

TEST_F(TextStreams, BytesThatAreNoTextBecomeReplacementCharacters) {
  const std::string wrong = "\uFFFD";
  // A surrogate, an overlong form, a lone continuation.
  EXPECT_EQ(Pieces({Byte(0xED), Byte(0xA0)}), (std::vector<std::string>{"", wrong + wrong, ""}));
  EXPECT_EQ(Pieces({Byte(0xC0)}), (std::vector<std::string>{wrong, ""}));
  EXPECT_EQ(Pieces({Byte(0x80)}), (std::vector<std::string>{wrong, ""}));
}

TEST_F(TextStreams, AnIncompleteCharacterEndsWithTheNextWordOrTheSequence) {
  const int64_t word = tokenizer_->Encode("The")[0];
  EXPECT_EQ(Pieces({Byte(0xE2), Byte(0x82), word}),
            (std::vector<std::string>{
                "", "", "\uFFFD\uFFFD" + tokenizer_->Decode(std::vector<int64_t>{word}), ""}));
  EXPECT_EQ(Pieces({Byte(0xE2), Byte(0x82)}), (std::vector<std::string>{"", "", "\uFFFD\uFFFD"}));
}

}  // namespace
}  // namespace cajal::generation
