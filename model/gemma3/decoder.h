// The Gemma 3 text decoder (HF Gemma3TextModel), eager: one prompt, or a batch of sequences that
// have the same layout, in full or from where a key-value cache ends.
#pragma once

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/checkpoint/config.h"
#include "model/gemma3/attention_layout.h"
#include "model/gemma3/decoder_hook.h"
#include "model/gemma3/hook_point.h"
#include "model/gemma3/key_value_cache.h"
#include "model/gemma3/recording.h"
#include "model/gemma3/weights.h"

namespace cajal::gemma3 {

// What a pass does besides computing; all of it the caller's.
struct DecoderPass {
  Recording* recording = nullptr;  // keeps tensors, as `hook` has left them
  DecoderHook* hook = nullptr;     // may replace tensors
  KeyValueCache* cache = nullptr;  // holds the positions before, and takes those of this pass
  // Which residual the pass begins with: kResidPre or kResidMid of a block. What comes before is
  // not run. Later ones than block 0's are for passes without a cache.
  HookPoint entry = {HookSite::kResidPre, 0};
};

// Runs all blocks and the final norm on the residual at `pass.entry`.
//   residual: [T, d], or [B, T, d] for B sequences; a cache needs the second. The T positions are
//   those from the cache's end on, without a cache all of `layout`. They must not end inside an
//   image (AttentionLayout::PassEnd).
//   Returns the output of ln_final, in the residual's shape.
// Attention is computed in tiles of 512 queries, so that no tensor is larger than
// [B * heads, 512, keys]. Reports the phase "forward", one unit per block, and stops between blocks
// when asked to.
absl::StatusOr<at::Tensor> RunDecoder(const DecoderWeights& weights,
                                      const checkpoint::TextConfig& config,
                                      const AttentionLayout& layout, at::Tensor residual,
                                      const DecoderPass& pass, RunContext* context);

// normed: [..., d], the output of ln_final. Returns [..., vocab], float32, soft-capped where the
// config says so (Gemma 3 does not).
at::Tensor Logits(const DecoderWeights& weights, const checkpoint::TextConfig& config,
                  const at::Tensor& normed);

}  // namespace cajal::gemma3
