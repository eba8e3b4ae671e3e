// A resident Gemma 3: weights, config, and the way from a prompt to its logits.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/checkpoint/checkpoint.h"
#include "model/gemma3/attention_layout.h"
#include "model/gemma3/decoder_hook.h"
#include "model/gemma3/recording.h"
#include "model/gemma3/weights.h"

namespace cajal::gemma3 {

// A prompt in the form that the model reads.
struct ModelInput {
  std::vector<int64_t> token_ids;                // [T]
  std::vector<AttentionLayout::Run> image_runs;  // one per picture or crop, in order
  at::Tensor pixels;  // [images, 3, size, size] float32 on the CPU; undefined without images
  // [images, tokens_per_image, d], what tower and projector make of `pixels`, where it is known
  // already (vision_encoder.h); undefined = they run.
  at::Tensor image_tokens;
};

struct Model {
  checkpoint::Gemma3Config config;
  ModelWeights weights;

  [[nodiscard]] AttentionLayout LayoutOf(const ModelInput& input) const {
    return AttentionLayout(static_cast<int64_t>(input.token_ids.size()), input.image_runs,
                           config.text.sliding_window);
  }
};

absl::StatusOr<Model> LoadModel(const checkpoint::Checkpoint& checkpoint,
                                const Placement& placement, RunContext* context);

// The embeddings of text tokens, [n, d]: rows of the embedding matrix times sqrt(d) rounded to the
// weights' dtype.
at::Tensor EmbedTokens(const Model& model, const std::vector<int64_t>& token_ids);

// The residual that enters block 0, [T, d]: EmbedTokens; at image positions the projected
// image tokens, unscaled.
absl::StatusOr<at::Tensor> EmbedPrompt(const Model& model, const ModelInput& input,
                                       Recording* recording, RunContext* context);

// Embeds and runs the decoder, whose tensors `hook` may replace. Returns the output of ln_final,
// [T, d].
absl::StatusOr<at::Tensor> RunModel(const Model& model, const ModelInput& input,
                                    Recording* recording, RunContext* context,
                                    DecoderHook* hook = nullptr);

}  // namespace cajal::gemma3
