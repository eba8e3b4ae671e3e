// Continuing a prompt token by token, as it is and with edits.
//
//   cc::GenerateRequest request{.prompt = prompt, .max_new_tokens = 12};
//   request.edit_sets.push_back({.label = "no Mars",
//                                .features = {{.layer = 4, .feature = 1201,
//                                              .positions = intervention::At(-1)}}});
//   absl::StatusOr<cc::GenerateResult> result = client->Generate(request);
//   result->sequences[0].text …  // the clean run
//   result->sequences[1].text …  // the edited one
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/cpp/intervention.h"
#include "client/cpp/model.h"
#include "client/cpp/prompt.h"

namespace cajal::client {

// A token that a sequence got.
struct GeneratedToken {
  int32_t sequence = 0;
  int32_t edit_set = -1;  // that the sequence is of; -1 = the clean run
  int32_t index = 0;      // 0 = the first after the prompt
  // Logit and probability are the model's, before temperature.
  TokenProbability chosen;
  // What the sequence's text goes on with: empty while bytes of a character are missing, and for
  // the token that ends the sequence.
  std::string text;
  std::vector<TokenProbability> top_tokens;  // most probable first
};

struct GenerateRequest {
  Prompt prompt = {};
  int32_t max_new_tokens = 64;  // of each sequence
  double temperature = 0;       // 0 = greedy; at most 100
  int32_t top_k = 0;            // only so many of the most probable tokens; 0 = all
  double top_p = 1;             // only the most probable ones that together reach this share
  uint64_t seed = 0;            // the same request with the same seed gives the same tokens
  int32_t samples = 1;          // sequences that differ in their random numbers only; at most 64
  // Besides the model's own end tokens; each is the text of exactly one token.
  std::vector<std::string> stop_tokens = {};
  int32_t top_tokens = 0;  // most probable candidates to send with each token; at most 100
  // Each is generated beside the clean run, with the same random numbers.
  std::vector<EditSet> edit_sets = {};
  intervention::RunSettings settings = {};  // nothing frozen, the running baseline
  std::optional<Prompt> donor = {};         // whose tensors HookEdit.from_donor takes
  std::string session = {};                 // "sessions/{id}", whose clamps hold; empty = none
  bool unclamped_clean_run = false;         // make the clean run without the clamps
  // Called for each token when it arrives, like CallOptions::on_progress; may be null.
  std::function<void(const GeneratedToken&)> on_token = {};
};

enum class FinishReason {
  kStopToken,     // the last token is an end token of the model or of the request
  kMaxNewTokens,  // there are max_new_tokens
};

struct GeneratedSequence {
  int32_t edit_set = -1;  // -1 = the clean run
  std::string label;      // the set's
  int32_t sample = 0;
  std::vector<int64_t> token_ids;  // the one that ended it included
  std::string text;                // without that one
  FinishReason finish_reason = FinishReason::kMaxNewTokens;
  std::vector<GeneratedToken> tokens;  // one for each of token_ids
};

struct GenerateResult {
  std::string job;  // "jobs/{id}"
  // The samples of the clean run, then those of each edit set.
  std::vector<GeneratedSequence> sequences;
  int32_t n_prompt_positions = 0;
  std::vector<PhaseTime> phases;
  double seconds = 0;  // from the job's start, waiting excluded
};

}  // namespace cajal::client
