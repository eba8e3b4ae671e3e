// Tokens to text as they come, each piece valid UTF-8.
//
// A character that the vocabulary lacks is spelled in byte tokens, "<0xF0>" and so on: they are
// held back until the character is complete. The pieces together are Tokenizer::Decode of all the
// tokens but for one case: when a run of byte tokens has complete characters and then bytes that
// are no UTF-8, Decode gives U+FFFD for the whole run, the stream for the wrong bytes alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/tokenizer/tokenizer.h"

namespace cajal::generation {

// Of one sequence. One thread at a time; the tokenizer must outlive it.
class TextStream {
 public:
  explicit TextStream(const tokenizer::Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  // What the text goes on with.
  std::string Add(int64_t token_id);
  // At the end: what was held back, as Decode shows it.
  std::string Finish();

 private:
  const tokenizer::Tokenizer* tokenizer_;
  std::vector<int64_t> held_;  // byte tokens, the beginning of a character
  std::string bytes_;          // theirs
};

}  // namespace cajal::generation
