// The part of GemmaEngine that runs interventions.
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "model/base/status.h"
#include "model/gemma3/torch_status.h"
#include "model/gemma_engine.h"
#include "model/intervention/intervention_plan.h"
#include "model/token_texts.h"

namespace cajal {
namespace {

using intervention::InterventionBytes;
using intervention::InterventionPlan;

intervention::PromptShape ShapeOf(const PreparedPrompt& prompt, const EngineInfo& info,
                                  const intervention::RunSettings& settings) {
  return {.n_positions = prompt.tokenized.n_positions(),
          .image_spans = prompt.tokenized.image_spans,
          .tokens_per_image = info.tokens_per_image,
          .zero_positions = settings.zero_positions.value_or(info.default_zero_positions)};
}

int64_t ImagesOf(const PreparedPrompt& prompt) {
  return static_cast<int64_t>(prompt.tokenized.image_spans.size());
}

// What a run reads at most of one layer: for its edits and the clamps, and afterwards of the
// features that are reported.
intervention::EncodedPlaces EncodedBy(const InterventionPlan& plan) {
  intervention::EncodedPlaces encoded;
  for (const intervention::ResolvedEdits& edits : plan.sets) {
    encoded.Widen(intervention::MostEncodedPlaces(edits.features));
  }
  encoded += intervention::MostEncodedPlaces(plan.clamps.Writes().features);
  std::vector<intervention::FeatureWrite> listed;
  listed.reserve(plan.listed.size());
  for (const intervention::FeatureAt& feature : plan.listed) {
    listed.push_back(
        {.layer = feature.layer, .position = feature.position, .feature = feature.feature});
  }
  std::sort(listed.begin(), listed.end(), [](const auto& a, const auto& b) {
    return std::tie(a.layer, a.position) < std::tie(b.layer, b.position);
  });
  encoded.Widen(intervention::MostEncodedPlaces(listed));
  return encoded;
}

}  // namespace

intervention::EditLimits GemmaEngine::LimitsOf(const PreparedPrompt& prompt,
                                               const intervention::RunSettings& settings,
                                               const PreparedPrompt* donor) const {
  intervention::EditLimits limits{.config = model_.config,
                                  .features_per_layer = transcoders_->info().features_per_layer,
                                  .prompt = ShapeOf(prompt, info_, settings)};
  if (donor != nullptr) limits.donor = ShapeOf(*donor, info_, settings);
  return limits;
}

absl::Status GemmaEngine::Validate(const InterventionRequest& request) const {
  RETURN_IF_ERROR(
      intervention::CheckRequest(request, info_.n_layers, info_.vocab_size, info_.max_positions));
  return cajal::TokenIdsOf(request.report.tokens, prompt_files_.tokenizer).status();
}

absl::Status GemmaEngine::Validate(const PreparedPrompt& prompt,
                                   const InterventionRequest& request) const {
  return intervention::PlanIntervention(request, LimitsOf(prompt, request.run, request.donor.get()))
      .status();
}

InterventionBytes GemmaEngine::BytesOf(const PreparedPrompt& prompt,
                                       const InterventionRequest& request,
                                       const intervention::EncodedPlaces& encoded) const {
  intervention::InterventionSize size{.n_positions = prompt.tokenized.n_positions(),
                                      .n_images = ImagesOf(prompt),
                                      .n_sets = std::ssize(request.edit_sets),
                                      .freezes = request.run.freeze.attention(),
                                      .encoded = encoded,
                                      .kept_layers = info_.n_layers,
                                      .all_changed = request.report.all_changed,
                                      .return_logits = request.report.return_logits};
  if (request.donor != nullptr) {
    size.n_donor_positions = request.donor->tokenized.n_positions();
    size.n_donor_images = ImagesOf(*request.donor);
  }
  if (request.report.features.empty() && !request.report.all_changed) size.kept_layers = 0;
  return intervention::EstimateInterventionBytes(model_.config, transcoders_->info(), size);
}

int64_t GemmaEngine::EstimateBytes(const PreparedPrompt& prompt,
                                   const InterventionRequest& request) const {
  const auto plan =
      intervention::PlanIntervention(request, LimitsOf(prompt, request.run, request.donor.get()));
  // What cannot be planned is refused elsewhere.
  const InterventionBytes bytes =
      BytesOf(prompt, request, plan.ok() ? EncodedBy(*plan) : intervention::EncodedPlaces{});
  return bytes.fixed +
         bytes.per_set * bytes.SetsAtOnce(std::ssize(request.edit_sets), info_.budget_bytes);
}

absl::StatusOr<InterventionResult> GemmaEngine::Intervene(const PreparedPrompt& prompt,
                                                          const InterventionRequest& request,
                                                          RunContext* context) {
  return gemma3::CatchTorchOn(
      model_.weights.placement.device, [&]() -> absl::StatusOr<InterventionResult> {
        const c10::InferenceMode no_autograd;
        RETURN_IF_ERROR(Validate(request));
        const intervention::EditLimits limits = LimitsOf(prompt, request.run, request.donor.get());
        ASSIGN_OR_RETURN(const InterventionPlan plan,
                         intervention::PlanIntervention(request, limits));
        ASSIGN_OR_RETURN(const gemma3::ModelInput input, EncodedInputOf(prompt, context));
        gemma3::ModelInput donor;
        if (request.donor != nullptr) {
          ASSIGN_OR_RETURN(donor, EncodedInputOf(*request.donor, context));
        }
        intervention::PreparedIntervention prepared{
            .input = input,
            .donor = &donor,
            .request = request,
            .plan = plan,
            .sets_at_once = BytesOf(prompt, request, EncodedBy(plan))
                                .SetsAtOnce(std::ssize(request.edit_sets), info_.budget_bytes)};
        ASSIGN_OR_RETURN(prepared.token_ids,
                         cajal::TokenIdsOf(request.report.tokens, prompt_files_.tokenizer));
        ASSIGN_OR_RETURN(InterventionResult result,
                         intervention::Intervene(model_, *transcoders_, prepared, context));
        AddTexts(prompt_files_.tokenizer, &result);
        return result;
      });
}

}  // namespace cajal
