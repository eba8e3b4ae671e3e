// What is asked of a generation, and what it gives. Plain data, no torch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/corpus/prepared_prompt.h"
#include "model/intervention/clamp.h"
#include "model/intervention/edit.h"
#include "model/intervention/run_settings.h"

namespace cajal::generation {

// How the next token is chosen from the logits; sampler.h has the procedure.
struct Sampling {
  double temperature = 0;  // 0 = greedy: always the most probable token
  int32_t top_k = 0;       // only so many of the most probable; 0 = all
  double top_p = 1;        // only the most probable ones that together reach this share
  uint64_t seed = 0;       // the same request with the same seed gives the same tokens
};

// Sequences that one request may have side by side.
inline constexpr int32_t kMaxSequences = 64;
inline constexpr int32_t kMaxStopTokens = 64;
inline constexpr int32_t kMaxTopTokens = 100;

struct GenerateRequest {
  int32_t max_new_tokens = 64;  // of each sequence
  Sampling sampling;
  int32_t samples = 1;  // sequences that differ in their random numbers only; 1 when greedy
  // Besides the model's own end tokens. Each is the text of exactly one token.
  std::vector<std::string> stop_tokens;
  int32_t top_tokens = 0;  // most probable candidates to report with each new token
  // Each is generated beside the clean run; a set without edits is the clean run once more.
  std::vector<intervention::EditSet> edit_sets;
  intervention::Clamps clamps;
  // How edits are applied. There is no clean run of new tokens: nothing can be frozen to it, and
  // edits start from the running activation.
  intervention::RunSettings run;
  // The prompt whose tensors HookEdit.from_donor takes; null = none.
  std::shared_ptr<const corpus::PreparedPrompt> donor;
};

// A token that could have come next.
struct CandidateToken {
  int64_t token_id = 0;
  std::string token;      // the id decoded alone
  float logit = 0;        // of the model, before temperature
  float probability = 0;  // softmax of the logits over the whole vocabulary
};

// A token that a sequence got.
struct GeneratedToken {
  int32_t sequence = 0;
  int32_t edit_set = -1;  // of the sequence; -1 = the clean run
  int32_t index = 0;      // 0 = the first after the prompt
  CandidateToken chosen;
  // What the sequence's text goes on with, valid UTF-8: empty while bytes of a character are
  // missing, and for the token that ends the sequence.
  std::string text;
  std::vector<CandidateToken> top;  // most probable first
};

enum class FinishReason {
  kStopToken,     // the last of token_ids is one of the stop tokens
  kMaxNewTokens,  // there are max_new_tokens
};

struct GeneratedSequence {
  int32_t edit_set = -1;  // -1 = the clean run
  std::string label;      // the set's
  int32_t sample = 0;
  std::vector<int64_t> token_ids;  // the stop token included
  std::string text;                // without the stop token; valid UTF-8
  FinishReason finish_reason = FinishReason::kMaxNewTokens;
};

struct GenerateResult {
  // The samples of the clean run, then those of each edit set.
  std::vector<GeneratedSequence> sequences;
};

// Told of the tokens of one step, one for each sequence that has not ended before, on the computing
// thread. Must not block.
using OnTokens = std::function<void(std::vector<GeneratedToken>)>;

}  // namespace cajal::generation
