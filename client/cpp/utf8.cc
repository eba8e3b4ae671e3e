#include "client/cpp/utf8.h"

#include <cstddef>

#include "client/cpp/status.h"

namespace cajal::client {
namespace {

// Bytes of the character that `first` begins; 0 when none can begin so.
size_t SequenceLength(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;  // continuation bytes, and overlong forms of ASCII
  if (first < 0xE0) return 2;
  if (first < 0xF0) return 3;
  return first < 0xF5 ? 4 : 0;
}

// Table 3-7 of the Unicode standard: the second byte's range after some first bytes.
bool SecondByteFits(unsigned char first, unsigned char second) {
  switch (first) {
    case 0xE0:
      return second >= 0xA0;  // below: overlong
    case 0xED:
      return second <= 0x9F;  // above: surrogates
    case 0xF0:
      return second >= 0x90;  // below: overlong
    case 0xF4:
      return second <= 0x8F;  // above: beyond U+10FFFF
    default:
      return true;
  }
}

}  // namespace

bool IsUtf8(const std::string& text) {
  const auto byte = [&text](size_t at) { return static_cast<unsigned char>(text[at]); };
  size_t i = 0;
  while (i < text.size()) {
    const size_t length = SequenceLength(byte(i));
    if (length == 0 || length > text.size() - i) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    }
    if (length > 1 && !SecondByteFits(byte(i), byte(i + 1))) return false;
    i += length;
  }
  return true;
}

absl::Status CheckUtf8(const std::string& text, const std::string& field) {
  if (IsUtf8(text)) return absl::OkStatus();
  return WithReason(absl::InvalidArgumentError(field + ": the text is not UTF-8"), "INVALID_UTF8");
}

}  // namespace cajal::client
