// A rollout request, answered: the tower, its maps, and their means.
//
// The executor's thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/gemma3/vision_encoder.h"
#include "model/rollout/rollout_request.h"
#include "model/tokenizer/prompt.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::rollout {

// `input` is of `prompt`, and `request` passes both CheckRequests (rollout_check.h). Pictures are
// done one after the other. A feature's activations need a forward pass of the decoder.
// INVALID_ARGUMENT, FEATURE_NOT_ACTIVE, when the feature is active at no image token.
absl::StatusOr<RolloutResult> ComputeRollout(const gemma3::Model& model,
                                             const transcoder::TranscoderSet& transcoders,
                                             const tokenizer::TokenizedPrompt& prompt,
                                             gemma3::ModelInput input,
                                             const RolloutRequest& request,
                                             gemma3::VisionEncoder* encoder, RunContext* context);

// What it holds beside the model, the encoder's memory and a forward pass: an upper bound.
int64_t EstimateBytes(const gemma3::Model& model, int64_t n_images, const RolloutRequest& request);

}  // namespace cajal::rollout
