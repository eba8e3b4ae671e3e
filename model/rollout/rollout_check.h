// Whether a rollout request fits the model and the prompt. No torch; pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "model/checkpoint/config.h"
#include "model/rollout/rollout_request.h"
#include "model/tokenizer/prompt.h"

namespace cajal::rollout {

// INVALID_ARGUMENT naming the field and its range; NO_VISION where the model has no tower.
absl::Status CheckRequest(const checkpoint::Gemma3Config& config,
                          std::span<const int64_t> features_per_layer,
                          const RolloutRequest& request);

// What depends on the prompt: NO_IMAGE, positions that are no image tokens, the number of weights.
absl::Status CheckRequest(const tokenizer::TokenizedPrompt& prompt, const RolloutRequest& request);

// The tower's layer that settings.layer means.
int32_t AttentionLayer(const checkpoint::Gemma3Config& config, const RolloutSettings& settings);

// Per image span of the prompt, which of its tokens are asked for: ascending, each once.
std::vector<std::vector<int32_t>> TokensAskedFor(const tokenizer::TokenizedPrompt& prompt,
                                                 const RolloutRequest& request);

}  // namespace cajal::rollout
