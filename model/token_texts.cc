#include "model/token_texts.h"

#include "model/base/status.h"

namespace cajal {

absl::StatusOr<std::vector<int64_t>> TokenIdsOf(const std::vector<std::string>& texts,
                                                const tokenizer::Tokenizer& tokenizer) {
  std::vector<int64_t> token_ids;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::vector<int64_t> ids = tokenizer.Encode(texts[i]);
    if (ids.size() != 1) {
      return InvalidField("report.tokens[" + std::to_string(i) + "]",
                          "'" + texts[i] + "' is " + std::to_string(ids.size()) +
                              " tokens, but must be exactly one; mind the leading space");
    }
    token_ids.push_back(ids[0]);
  }
  return token_ids;
}

void AddTexts(const tokenizer::Tokenizer& tokenizer, intervention::InterventionResult* result) {
  for (intervention::EditSetOutcome& outcome : result->sets) {
    for (auto* tokens : {&outcome.clean_top, &outcome.edited_top, &outcome.tokens}) {
      for (intervention::TokenChange& token : *tokens) {
        token.token = tokenizer.Decode(std::vector<int64_t>{token.token_id});
      }
    }
  }
}

}  // namespace cajal
