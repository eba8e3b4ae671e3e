#include "model/generation/text_stream.h"

#include <optional>
#include <utility>

#include "model/tokenizer/utf8.h"

namespace cajal::generation {
namespace {

// Whether more bytes can make a character of these. The bytes after the first are limited to one
// end of the range of continuation bytes, if at all.
bool IsBeginningOfCharacter(const std::string& bytes) {
  for (const char continuation : {'\x80', '\xBF'}) {
    for (size_t n = 1; n <= 3; ++n) {
      if (tokenizer::IsValidUtf8(bytes + std::string(n, continuation))) return true;
    }
  }
  return false;
}

}  // namespace

std::string TextStream::Add(int64_t token_id) {
  const std::optional<char> byte = tokenizer_->ByteOf(token_id);
  if (!byte.has_value()) {
    std::string text = Finish();
    return text += tokenizer_->Decode(std::vector<int64_t>{token_id});
  }
  held_.push_back(token_id);
  bytes_ += *byte;
  return IsBeginningOfCharacter(bytes_) ? "" : Finish();
}

std::string TextStream::Finish() {
  bytes_.clear();
  return tokenizer_->Decode(std::exchange(held_, {}));
}

}  // namespace cajal::generation
