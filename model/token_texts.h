// Tokens of interventions: from the caller's texts to ids, and back in the results. No torch; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/intervention/outcome.h"
#include "model/tokenizer/tokenizer.h"

namespace cajal {

// INVALID_ARGUMENT names "report.tokens[i]" for a text that is not exactly one token.
absl::StatusOr<std::vector<int64_t>> TokenIdsOf(const std::vector<std::string>& texts,
                                                const tokenizer::Tokenizer& tokenizer);

// Fills in the texts of all tokens.
void AddTexts(const tokenizer::Tokenizer& tokenizer, intervention::InterventionResult* result);

}  // namespace cajal
