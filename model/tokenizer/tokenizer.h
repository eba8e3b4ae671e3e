// Text to token ids and back, with exactly the ids of Transformers' GemmaTokenizer.
//
//   ASSIGN_OR_RETURN(const Tokenizer tokenizer, Tokenizer::Load(model_dir));
//   std::vector<int64_t> ids = tokenizer.Encode("The capital of France is");
//
// Immutable after Load; any thread may call it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/tokenizer/added_token_finder.h"
#include "model/tokenizer/vocabulary.h"

namespace cajal::tokenizer {

class Tokenizer {
 public:
  // Reads tokenizer.json; in folders without it tokenizer.model, tokenizer_config.json and
  // added_tokens.json. Errors name the file.
  static absl::StatusOr<Tokenizer> Load(const std::string& dir);

  // `text` is well-formed UTF-8. Added tokens that it spells out, such as <bos> or
  // <start_of_image>, become their ids. No BOS is put in front.
  [[nodiscard]] std::vector<int64_t> Encode(const std::string& text) const;

  // Added tokens are spelled out. Ids that no token has give nothing; byte tokens that together are
  // not UTF-8 give U+FFFD each.
  [[nodiscard]] std::string Decode(std::span<const int64_t> ids) const;

  // The byte that a byte token such as "<0xE6>" stands for; nothing for other tokens.
  [[nodiscard]] std::optional<char> ByteOf(int64_t id) const;

  // The id of a whole token: "<bos>", "▁the".
  [[nodiscard]] std::optional<int64_t> IdOf(const std::string& piece) const;

 private:
  explicit Tokenizer(Vocabulary vocabulary)
      : vocabulary_(std::move(vocabulary)), added_tokens_(vocabulary_.added_tokens) {}

  Vocabulary vocabulary_;
  AddedTokenFinder added_tokens_;
};

}  // namespace cajal::tokenizer
