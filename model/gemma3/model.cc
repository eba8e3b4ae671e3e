#include "model/gemma3/model.h"

#include <ATen/ATen.h>

#include <cmath>

#include "model/base/check.h"
#include "model/base/status.h"
#include "model/gemma3/decoder.h"
#include "model/gemma3/vision.h"

namespace cajal::gemma3 {

absl::StatusOr<Model> LoadModel(const checkpoint::Checkpoint& checkpoint,
                                const Placement& placement, RunContext* context) {
  ASSIGN_OR_RETURN(ModelWeights weights, LoadWeights(checkpoint, placement, context));
  return Model{checkpoint.config(), std::move(weights)};
}

at::Tensor EmbedTokens(const Model& model, const std::vector<int64_t>& token_ids) {
  const at::Tensor& embedding = model.weights.decoder.embedding;
  at::Tensor ids = at::tensor(token_ids, at::kLong);
  // As Transformers does for checkpoints whose vocabulary lacks the image token.
  ids = ids.masked_fill(ids.ge(embedding.size(0)), 0).to(embedding.device());
  // sqrt(d) is rounded to the weights' dtype first: 50.5 for the 4B model in bfloat16.
  const at::Tensor scale = at::full(
      {}, std::sqrt(static_cast<double>(model.config.text.hidden_size)), embedding.options());
  return at::embedding(embedding, ids) * scale;
}

absl::StatusOr<at::Tensor> EmbedPrompt(const Model& model, const ModelInput& input,
                                       Recording* recording, RunContext* context) {
  const Placement& placement = model.weights.placement;
  at::Tensor residual = EmbedTokens(model, input.token_ids);
  if (!input.pixels.defined()) return residual;

  CAJAL_CHECK(model.weights.vision.has_value()) << "pictures for a text-only model";
  CAJAL_CHECK(input.pixels.size(0) == static_cast<int64_t>(input.image_runs.size()));
  at::Tensor image_tokens = input.image_tokens;
  if (!image_tokens.defined()) {
    ASSIGN_OR_RETURN(
        const at::Tensor vision_out,
        RunVisionTower(*model.weights.vision, *model.config.vision,
                       input.pixels.to(placement.device, placement.dtype), recording, context));
    image_tokens = Project(*model.weights.projector, model.config, vision_out);
  }
  recording->Put(HookSite::kProjectorOut, 0, image_tokens);
  for (size_t i = 0; i < input.image_runs.size(); ++i) {
    const AttentionLayout::Run& run = input.image_runs[i];
    residual.slice(0, run.begin, run.end).copy_(image_tokens[static_cast<int64_t>(i)]);
  }
  return residual;
}

absl::StatusOr<at::Tensor> RunModel(const Model& model, const ModelInput& input,
                                    Recording* recording, RunContext* context, DecoderHook* hook) {
  ASSIGN_OR_RETURN(at::Tensor residual, EmbedPrompt(model, input, recording, context));
  return RunDecoder(model.weights.decoder, model.config.text, model.LayoutOf(input),
                    std::move(residual), {.recording = recording, .hook = hook}, context);
}

}  // namespace cajal::gemma3
