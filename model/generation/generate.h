// Continues a prompt token by token, several sequences side by side.
//
// The prompt is passed once, in stretches, and its keys and values are kept (KeyValueCache); each
// step then passes one new token of every sequence that has not ended. Used by the thread that owns
// the model.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/generation/generate_request.h"
#include "model/generation/pass_edits.h"
#include "model/tokenizer/tokenizer.h"

namespace cajal::generation {

// Positions of the prompt that are passed together, but for the rest of an image.
inline constexpr int64_t kPromptPass = 512;

// What a generation works with; all of it must outlive it.
struct Generator {
  const gemma3::Model& model;
  const tokenizer::Tokenizer& tokenizer;
  // The model's end tokens and the request's.
  std::vector<int64_t> stop_token_ids;
  PassEdits* edits = nullptr;  // null = the clean run alone
};

// The sequences of the clean run, one per sample, then those of each edit set. Samples of the same
// number have the same random numbers in every set, so that sets differ by their edits only. Labels
// are left to the caller. NOT_FINITE when logits are no numbers: INVALID_ARGUMENT with the field
// "edit_sets[i]" of the edits that made them so, FAILED_PRECONDITION without edits.
// Reports the phases "vision", "prompt" (in positions) and "generate" (in tokens of a sequence),
// and stops within one token. `request` has passed CheckRequest and CheckRoom; its edits are
// `generator.edits`.
absl::StatusOr<GenerateResult> Generate(const Generator& generator,
                                        const gemma3::ModelInput& prompt,
                                        const GenerateRequest& request, const OnTokens& on_tokens,
                                        RunContext* context);

}  // namespace cajal::generation
