// The part of GemmaEngine that runs patching experiments.
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "model/base/status.h"
#include "model/gemma3/torch_status.h"
#include "model/gemma_engine.h"
#include "model/intervention/patch_activations.h"
#include "model/intervention/patch_plan.h"
#include "model/token_texts.h"

namespace cajal {

using intervention::InterventionBytes;
using intervention::PatchPlan;

intervention::PatchLimits GemmaEngine::LimitsOf(const PatchPrompts& prompts,
                                                const PatchRequest& request) const {
  return {.features_per_layer = transcoders_->info().features_per_layer,
          .donor = LimitsOf(prompts.donor, request.run).prompt,
          .recipient = LimitsOf(prompts.recipient, request.run).prompt,
          .max_positions = info_.max_positions,
          .vocab_size = info_.vocab_size};
}

absl::Status GemmaEngine::Validate(const PatchPrompts& prompts, const PatchRequest& request) const {
  RETURN_IF_ERROR(cajal::TokenIdsOf(request.report.tokens, prompt_files_.tokenizer).status());
  RETURN_IF_ERROR(intervention::PlanPatch(request, LimitsOf(prompts, request)).status());
  for (const PreparedPrompt* prompt : {&prompts.donor, &prompts.recipient}) {
    RETURN_IF_ERROR(intervention::ResolveClamps(request.clamps.clamps,
                                                LimitsOf(*prompt, request.run), "session")
                        .status());
  }
  intervention::InterventionPlan of_report;
  RETURN_IF_ERROR(intervention::PlanReport(request.report, LimitsOf(prompts.recipient, request.run),
                                           &of_report));
  if (!request.reverse) return absl::OkStatus();
  return intervention::PlanReport(request.report, LimitsOf(prompts.donor, request.run), &of_report);
}

// Both clean runs are kept while the runs of either are made.
InterventionBytes GemmaEngine::BytesOf(const PatchPrompts& prompts,
                                       const PatchRequest& request) const {
  const auto n_layers = request.by_layer ? info_.n_layers + 1 : 1;
  InterventionRequest runs{.run = request.run, .report = request.report};
  runs.edit_sets.resize(request.strengths.size() * static_cast<size_t>(n_layers));
  const auto plan = intervention::PlanPatch(request, LimitsOf(prompts, request));
  // What cannot be planned is refused elsewhere.
  intervention::EncodedPlaces encoded =
      plan.ok() ? intervention::MostEncodedPlaces(*plan) : intervention::EncodedPlaces{};
  if (request.layers.has_value()) {
    // Which features are active is not known before the run: one in 64 is taken for many.
    const int64_t T = prompts.recipient.tokenized.n_positions();
    const int64_t n_features =
        *std::max_element(info_.features_per_layer.begin(), info_.features_per_layer.end());
    encoded += {.n_rows = T, .n_features = T * n_features / 64};
  }
  const auto bytes_of = [&](const PreparedPrompt& prompt) {
    return BytesOf(
        prompt, runs,
        encoded + intervention::PlacesHeld(request.clamps.clamps, prompt.tokenized.n_positions()));
  };
  InterventionBytes bytes = bytes_of(prompts.recipient);
  const InterventionBytes donor = bytes_of(prompts.donor);
  bytes.fixed += donor.fixed;
  bytes.per_set = std::max(bytes.per_set, donor.per_set);
  return bytes;
}

int64_t GemmaEngine::EstimateBytes(const PatchPrompts& prompts, const PatchRequest& request) const {
  const InterventionBytes bytes = BytesOf(prompts, request);
  return bytes.fixed + bytes.per_set * bytes.SetsAtOnce(RunsOf(request), info_.budget_bytes);
}

int64_t GemmaEngine::RunsOf(const PatchRequest& request) const {
  return std::ssize(request.strengths) * (request.by_layer ? info_.n_layers + 1 : 1);
}

absl::StatusOr<PatchResult> GemmaEngine::PatchActivations(const PatchPrompts& prompts,
                                                          const PatchRequest& request,
                                                          RunContext* context) {
  return gemma3::CatchTorchOn(
      model_.weights.placement.device, [&]() -> absl::StatusOr<PatchResult> {
        const c10::InferenceMode no_autograd;
        RETURN_IF_ERROR(Validate(prompts, request));
        const intervention::PatchLimits limits = LimitsOf(prompts, request);
        ASSIGN_OR_RETURN(const PatchPlan plan, intervention::PlanPatch(request, limits));
        ASSIGN_OR_RETURN(const gemma3::ModelInput donor, EncodedInputOf(prompts.donor, context));
        ASSIGN_OR_RETURN(const gemma3::ModelInput recipient,
                         EncodedInputOf(prompts.recipient, context));
        const intervention::EditLimits of_donor = LimitsOf(prompts.donor, request.run);
        const intervention::EditLimits of_recipient = LimitsOf(prompts.recipient, request.run);
        ASSIGN_OR_RETURN(intervention::ResolvedClamps donor_clamps,
                         intervention::ResolveClamps(request.clamps.clamps, of_donor, "session"));
        ASSIGN_OR_RETURN(
            intervention::ResolvedClamps recipient_clamps,
            intervention::ResolveClamps(request.clamps.clamps, of_recipient, "session"));
        intervention::PreparedPatch prepared{
            .donor = donor,
            .recipient = recipient,
            .donor_limits = of_donor,
            .recipient_limits = of_recipient,
            .request = request,
            .plan = plan,
            .donor_clamps = std::move(donor_clamps),
            .recipient_clamps = std::move(recipient_clamps),
            .sets_at_once =
                BytesOf(prompts, request).SetsAtOnce(RunsOf(request), info_.budget_bytes)};
        ASSIGN_OR_RETURN(prepared.token_ids,
                         cajal::TokenIdsOf(request.report.tokens, prompt_files_.tokenizer));
        ASSIGN_OR_RETURN(PatchResult result,
                         intervention::PatchActivations(model_, *transcoders_, prepared, context));
        AddTexts(prompt_files_.tokenizer, &result.recipient);
        if (result.donor.has_value()) AddTexts(prompt_files_.tokenizer, &*result.donor);
        return result;
      });
}

}  // namespace cajal
