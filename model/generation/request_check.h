// Whether a generation can do what is asked. Pure functions; any thread. Errors are
// INVALID_ARGUMENT and name the field.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/generation/generate_request.h"
#include "model/tokenizer/tokenizer.h"

namespace cajal::generation {

// Everything that needs no prompt, but for what edits are (edit_plan.h). Returns the ids of the
// stop tokens, in their order.
absl::StatusOr<std::vector<int64_t>> CheckRequest(const GenerateRequest& request,
                                                  int64_t vocab_size,
                                                  const tokenizer::Tokenizer& tokenizer);

// That the new tokens fit behind a prompt of `n_prompt` positions. The last one needs no position:
// nothing comes after it.
absl::Status CheckRoom(const GenerateRequest& request, int64_t n_prompt, int64_t max_positions);

}  // namespace cajal::generation
