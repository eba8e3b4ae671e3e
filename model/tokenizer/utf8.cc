#include "model/tokenizer/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace cajal::tokenizer {
namespace {

// A character's code point and its bytes; `bytes` is 0 where the text is ill-formed.
struct Character {
  uint32_t code_point = 0;
  size_t bytes = 0;
};

Character FirstCharacter(std::string_view text) {
  const size_t n = Utf8Length(text.front());
  if (n == 0 || n > text.size()) return {};
  if (n == 1) return {static_cast<uint8_t>(text.front()), 1};
  uint32_t code_point = static_cast<uint8_t>(text.front()) & (0x7fU >> n);
  for (size_t i = 1; i < n; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0) != 0x80) return {};
    code_point = code_point << 6 | (byte & 0x3fU);
  }
  constexpr std::array<uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < kSmallest[n] || is_surrogate || code_point > 0x10ffff) return {};
  return {code_point, n};
}

// What Python's str.isspace() calls white space.
bool IsSpace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

}  // namespace

size_t Utf8Length(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  if (byte < 0x80) return 1;
  if (byte >= 0xc0 && byte < 0xe0) return 2;
  if (byte >= 0xe0 && byte < 0xf0) return 3;
  if (byte >= 0xf0 && byte < 0xf8) return 4;
  return 0;
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t n = FirstCharacter(text).bytes;
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

std::string Trim(std::string_view text) {
  size_t begin = text.size();  // of the first and past the last character that is no space
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    const Character character = FirstCharacter(text.substr(at));
    const size_t next = at + std::max<size_t>(character.bytes, 1);
    if (character.bytes == 0 || !IsSpace(character.code_point)) {
      begin = std::min(begin, at);
      end = next;
    }
    at = next;
  }
  return begin < end ? std::string(text.substr(begin, end - begin)) : std::string();
}

}  // namespace cajal::tokenizer
