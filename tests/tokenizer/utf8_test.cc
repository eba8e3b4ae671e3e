#include "model/tokenizer/utf8.h"

#include <gtest/gtest.h>

namespace cajal::tokenizer {
namespace {

TEST(Utf8, WellFormedTextIsValid) {
  for (const char* text : {"", "a", "é", "東京", "😀", "\uFFFD", "\u0080", "\U0010FFFF"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
  }
  EXPECT_TRUE(IsValidUtf8(std::string("a\0b", 3)));
}

TEST(Utf8, IllFormedTextIsNot) {
  for (const char* text : {"\xff", "\x80", "\xc3", "\xe6\x9d", "a\xc0\x80", "\xe0\x80\x80",
                           "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << text;
  }
}

TEST(Utf8, TrimTakesOffWhatPythonCallsWhiteSpace) {
  EXPECT_EQ(Trim(" \t\n\u00a0\u3000a \u2003b\u200b\x1f\u0085 "), "a \u2003b\u200b");
  EXPECT_EQ(Trim(" \u2028 "), "");
  EXPECT_EQ(Trim(""), "");
}

}  // namespace
}  // namespace cajal::tokenizer
