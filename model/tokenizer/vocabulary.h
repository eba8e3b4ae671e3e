// What a tokenizer is made of, whichever files it came from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/tokenizer/bpe_encoder.h"

namespace cajal::tokenizer {

// A token that is found in the raw text before all else, such as <bos> or <start_of_image>.
struct AddedToken {
  std::string content;
  int64_t id = 0;
};

struct Vocabulary {
  std::vector<std::string>
      pieces;  // by id, "▁" for space, "<0xE6>" for a byte; empty: no such token
  std::vector<AddedToken> added_tokens;
  std::optional<BpeEncoder> encoder;  // of the text between added tokens; always set
};

// From tokenizer.json, which is what Transformers itself reads. Refuses pipelines that are not
// Gemma's: other normalisers, pre-tokenisers or models than BPE with byte fallback.
absl::StatusOr<Vocabulary> LoadTokenizerJson(const std::string& path);

// From tokenizer.model, with the added tokens of tokenizer_config.json and added_tokens.json beside
// it: the vocabulary that Transformers makes of it, and so the ids that tokenizer.json gives.
absl::StatusOr<Vocabulary> LoadSentencePiece(const std::string& dir);

}  // namespace cajal::tokenizer
