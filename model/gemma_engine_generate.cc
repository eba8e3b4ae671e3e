// The part of GemmaEngine that continues prompts.
#include <c10/core/InferenceMode.h>

#include <utility>

#include "model/base/status.h"
#include "model/gemma3/torch_status.h"
#include "model/gemma_engine.h"
#include "model/generation/byte_estimate.h"
#include "model/generation/edited_passes.h"
#include "model/generation/generate.h"
#include "model/generation/request_check.h"

namespace cajal {

using generation::EditPlan;
using generation::GenerateResult;

absl::Status GemmaEngine::Validate(const generation::GenerateRequest& request) const {
  RETURN_IF_ERROR(generation::CheckSettings(request.run, info_.n_layers, info_.max_positions));
  return generation::CheckRequest(request, info_.vocab_size, prompt_files_.tokenizer).status();
}

absl::Status GemmaEngine::Validate(const PreparedPrompt& prompt,
                                   const generation::GenerateRequest& request) const {
  RETURN_IF_ERROR(
      generation::CheckRoom(request, prompt.tokenized.n_positions(), info_.max_positions));
  return generation::PlanEdits(request, LimitsOf(prompt, request.run, request.donor.get()))
      .status();
}

int64_t GemmaEngine::EstimateBytes(const PreparedPrompt& prompt,
                                   const generation::GenerateRequest& request) const {
  const int64_t n_runs = std::ssize(request.edit_sets) + 1;
  generation::GenerationShape shape{.n_prompt = prompt.tokenized.n_positions(),
                                    .n_images = std::ssize(prompt.tokenized.image_spans),
                                    .n_sequences = n_runs * request.samples};
  const absl::StatusOr<EditPlan> plan =
      generation::PlanEdits(request, LimitsOf(prompt, request.run, request.donor.get()));
  if (plan.ok()) {
    shape.n_edited_prompts = plan->changes_prompt ? n_runs : 0;
    shape.encoded = plan->encoded;
  }
  if (request.donor != nullptr) {
    shape.n_donor_positions = request.donor->tokenized.n_positions();
    shape.n_donor_images = std::ssize(request.donor->tokenized.image_spans);
  }
  return generation::EstimateGenerateBytes(model_.config, transcoders_->info(), request, shape);
}

absl::StatusOr<GenerateResult> GemmaEngine::Generate(const PreparedPrompt& prompt,
                                                     const generation::GenerateRequest& request,
                                                     const generation::OnTokens& on_tokens,
                                                     RunContext* context) {
  return gemma3::CatchTorchOn(
      model_.weights.placement.device, [&]() -> absl::StatusOr<GenerateResult> {
        const c10::InferenceMode no_autograd;
        RETURN_IF_ERROR(Validate(request));
        RETURN_IF_ERROR(Validate(prompt, request));
        ASSIGN_OR_RETURN(
            std::vector<int64_t> stop_ids,
            generation::CheckRequest(request, info_.vocab_size, prompt_files_.tokenizer));
        const std::vector<int64_t>& ends = model_.config.eos_token_ids;
        stop_ids.insert(stop_ids.end(), ends.begin(), ends.end());

        ASSIGN_OR_RETURN(
            const EditPlan plan,
            generation::PlanEdits(request, LimitsOf(prompt, request.run, request.donor.get())));
        gemma3::Recording donor(intervention::DonorPoints(plan.sets));
        if (!donor.tensors().empty()) {
          ASSIGN_OR_RETURN(const gemma3::ModelInput input, EncodedInputOf(*request.donor, context));
          RETURN_IF_ERROR(gemma3::RunModel(model_, input, &donor, context).status());
        }
        generation::EditedPasses passes({.model = model_,
                                         .transcoders = *transcoders_,
                                         .settings = request.run,
                                         .plan = plan,
                                         .donor = donor,
                                         .n_prompt = prompt.tokenized.n_positions()});
        ASSIGN_OR_RETURN(GenerateResult result,
                         generation::Generate({.model = model_,
                                               .tokenizer = prompt_files_.tokenizer,
                                               .stop_token_ids = std::move(stop_ids),
                                               .edits = plan.is_clean() ? nullptr : &passes},
                                              InputOf(prompt), request, on_tokens, context));
        for (generation::GeneratedSequence& sequence : result.sequences) {
          if (sequence.edit_set < 0) continue;
          sequence.label = request.edit_sets[static_cast<size_t>(sequence.edit_set)].label;
        }
        return result;
      });
}

}  // namespace cajal
