// The part of GemmaEngine that cuts edges.
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/gemma3/torch_status.h"
#include "model/gemma_engine.h"
#include "model/intervention/cut_edges.h"
#include "model/intervention/feature_values.h"
#include "model/intervention/intervention_plan.h"
#include "model/token_texts.h"

namespace cajal {
namespace {

using intervention::CutEdge;
using intervention::InterventionBytes;
using intervention::TargetKind;

// For each edge the id of its target's token; -1 for features.
absl::StatusOr<std::vector<int64_t>> TargetTokens(const std::vector<CutEdge>& edges,
                                                  const tokenizer::Tokenizer& tokenizer) {
  std::vector<int64_t> tokens;
  for (size_t i = 0; i < edges.size(); ++i) {
    tokens.push_back(-1);
    if (edges[i].target.kind != TargetKind::kLogit) continue;
    const std::vector<int64_t> ids = tokenizer.Encode(edges[i].target.token);
    if (ids.size() != 1) {
      return InvalidField("edges[" + std::to_string(i) + "].target.token",
                          "'" + edges[i].target.token + "' is " + std::to_string(ids.size()) +
                              " tokens, but must be exactly one; mind the leading space");
    }
    tokens.back() = ids[0];
  }
  return tokens;
}

int64_t MostRuns(const CutRequest& request) {
  return std::max<int64_t>(2 * std::ssize(request.edges), 1);
}

}  // namespace

absl::Status GemmaEngine::Validate(const PreparedPrompt& prompt, const CutRequest& request) const {
  InterventionRequest runs{.run = request.run, .report = request.report};
  runs.run.freeze.kind = intervention::FreezeKind::kAll;
  runs.edit_sets.resize(1);
  RETURN_IF_ERROR(Validate(runs));
  RETURN_IF_ERROR(TargetTokens(request.edges, prompt_files_.tokenizer).status());
  const intervention::EditLimits limits = LimitsOf(prompt, request.run);
  RETURN_IF_ERROR(intervention::PlanCut(request, limits).status());
  intervention::InterventionPlan of_report;
  return intervention::PlanReport(request.report, limits, &of_report);
}

// The runs of the frozen model are as large as those of the edit.
InterventionBytes GemmaEngine::BytesOf(const PreparedPrompt& prompt,
                                       const CutRequest& request) const {
  InterventionRequest runs{.run = request.run, .report = request.report};
  runs.edit_sets.resize(1);
  InterventionBytes bytes = BytesOf(prompt, runs, {});
  const int64_t T = prompt.tokenized.n_positions();
  const int64_t n_features =
      *std::max_element(info_.features_per_layer.begin(), info_.features_per_layer.end());
  // Errors and feature inputs of all layers, and one layer's pre-activations.
  bytes.fixed += static_cast<int64_t>(sizeof(float)) * T *
                 (2 * int64_t{info_.n_layers} * info_.d_model +
                  intervention::NumbersPerFeature(transcoders_->info().activation) * n_features);
  bytes.per_set += static_cast<int64_t>(sizeof(float)) * T * info_.n_layers * info_.d_model;
  return bytes;
}

int64_t GemmaEngine::EstimateBytes(const PreparedPrompt& prompt, const CutRequest& request) const {
  const InterventionBytes bytes = BytesOf(prompt, request);
  return bytes.fixed + bytes.per_set * bytes.SetsAtOnce(MostRuns(request), info_.budget_bytes);
}

absl::StatusOr<CutResult> GemmaEngine::CutEdges(const PreparedPrompt& prompt,
                                                const CutRequest& request, RunContext* context) {
  return gemma3::CatchTorchOn(model_.weights.placement.device, [&]() -> absl::StatusOr<CutResult> {
    const c10::InferenceMode no_autograd;
    RETURN_IF_ERROR(Validate(prompt, request));
    const intervention::EditLimits limits = LimitsOf(prompt, request.run);
    ASSIGN_OR_RETURN(const std::vector<CutEdge> edges, intervention::PlanCut(request, limits));
    ASSIGN_OR_RETURN(const gemma3::ModelInput input, EncodedInputOf(prompt, context));
    intervention::PreparedCut prepared{
        .input = input,
        .request = request,
        .edges = edges,
        .limits = limits,
        .runs_at_once = BytesOf(prompt, request).SetsAtOnce(MostRuns(request), info_.budget_bytes)};
    ASSIGN_OR_RETURN(prepared.target_tokens, TargetTokens(edges, prompt_files_.tokenizer));
    ASSIGN_OR_RETURN(prepared.token_ids,
                     cajal::TokenIdsOf(request.report.tokens, prompt_files_.tokenizer));
    ASSIGN_OR_RETURN(CutResult result,
                     intervention::CutEdges(model_, *transcoders_, prepared, context));
    AddTexts(prompt_files_.tokenizer, &result.effect);
    return result;
  });
}

}  // namespace cajal
