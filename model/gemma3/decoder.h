// The Gemma 3 text decoder (HF Gemma3TextModel), one prompt at a time, eager and in full.
#pragma once

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/checkpoint/config.h"
#include "model/gemma3/attention_layout.h"
#include "model/gemma3/recording.h"
#include "model/gemma3/weights.h"

namespace cajal::gemma3 {

// Runs all blocks and the final norm on the residual that enters block 0.
//   residual: [T, d]. Returns [T, d], the output of ln_final.
// Reports the phase "forward", one unit per block, and stops between blocks when asked to.
absl::StatusOr<at::Tensor> RunDecoder(const DecoderWeights& weights,
                                      const checkpoint::TextConfig& config,
                                      const AttentionLayout& layout, at::Tensor residual,
                                      Recording* recording, RunContext* context);

// normed: [T, d], the output of ln_final. Returns [T, vocab], float32, soft-capped where the
// config says so (Gemma 3 does not).
at::Tensor Logits(const DecoderWeights& weights, const checkpoint::TextConfig& config,
                  const at::Tensor& normed);

}  // namespace cajal::gemma3
