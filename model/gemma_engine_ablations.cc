// The part of GemmaEngine that measures ablations.
#include <c10/core/InferenceMode.h>

#include <string>
#include <utility>
#include <vector>

#include "model/base/status.h"
#include "model/gemma3/torch_status.h"
#include "model/gemma_engine.h"
#include "model/intervention/measure_ablations.h"

namespace cajal {
namespace {

using intervention::InterventionBytes;
using intervention::TokenWeights;

absl::StatusOr<int64_t> TokenIdOf(const std::string& text, const std::string& field,
                                  const tokenizer::Tokenizer& tokenizer) {
  const std::vector<int64_t> ids = tokenizer.Encode(text);
  if (ids.size() == 1) return ids[0];
  return InvalidField(field, "'" + text + "' is " + std::to_string(ids.size()) +
                                 " tokens, but must be exactly one; mind the leading space");
}

// For each target its tokens.
absl::StatusOr<std::vector<TokenWeights>> TermsOf(const AblationRequest& request,
                                                  const tokenizer::Tokenizer& tokenizer) {
  std::vector<TokenWeights> terms;
  for (const intervention::MeasuredTarget& target : request.targets) {
    TokenWeights& weights = terms.emplace_back();
    for (const intervention::LogitTerm& term : target.terms) {
      int64_t id = term.token_id;
      if (id < 0) {
        ASSIGN_OR_RETURN(id, TokenIdOf(term.token, "graph", tokenizer));
      }
      weights.emplace_back(id, term.weight);
    }
  }
  return terms;
}

absl::StatusOr<int64_t> AnswerOf(const AblationRequest& request,
                                 const tokenizer::Tokenizer& tokenizer) {
  if (request.answer.empty()) return request.answer_id;
  return TokenIdOf(request.answer, "faithfulness.token", tokenizer);
}

int32_t AnswerPosition(const PreparedPrompt& prompt, const AblationRequest& request) {
  const int32_t position = request.answer_position;
  return position < 0 ? position + prompt.tokenized.n_positions() : position;
}

}  // namespace

absl::Status GemmaEngine::Validate(const PreparedPrompt& prompt,
                                   const AblationRequest& request) const {
  RETURN_IF_ERROR(
      intervention::CheckAblations(request, LimitsOf(prompt, request.run), info_.max_positions));
  RETURN_IF_ERROR(TermsOf(request, prompt_files_.tokenizer).status());
  RETURN_IF_ERROR(AnswerOf(request, prompt_files_.tokenizer).status());
  const int32_t position = AnswerPosition(prompt, request);
  if (position >= 0 && position < prompt.tokenized.n_positions()) return absl::OkStatus();
  return InvalidField("graph", "OTHER_MODEL",
                      "has its answer at position " + std::to_string(request.answer_position) +
                          ", which is not in the prompt");
}

InterventionBytes GemmaEngine::BytesOf(const PreparedPrompt& prompt,
                                       const AblationRequest& request) const {
  return intervention::EstimateAblationBytes(
      model_.config, transcoders_->info(), request, prompt.tokenized.n_positions(),
      static_cast<int64_t>(prompt.tokenized.image_spans.size()));
}

int64_t GemmaEngine::EstimateBytes(const PreparedPrompt& prompt,
                                   const AblationRequest& request) const {
  const InterventionBytes bytes = BytesOf(prompt, request);
  return bytes.fixed +
         bytes.per_set * bytes.SetsAtOnce(intervention::MostRuns(request), info_.budget_bytes);
}

absl::StatusOr<AblationResult> GemmaEngine::MeasureAblations(const PreparedPrompt& prompt,
                                                             const AblationRequest& request,
                                                             RunContext* context) {
  return gemma3::CatchTorchOn(
      model_.weights.placement.device, [&]() -> absl::StatusOr<AblationResult> {
        const c10::InferenceMode no_autograd;
        RETURN_IF_ERROR(Validate(prompt, request));
        ASSIGN_OR_RETURN(const gemma3::ModelInput input, EncodedInputOf(prompt, context));
        intervention::PreparedAblations prepared{
            .input = input,
            .request = request,
            .mean_unembedding = folded_.mean_unembedding,
            .answer_position = AnswerPosition(prompt, request),
            .zero_positions = LimitsOf(prompt, request.run).prompt.zero_positions,
            .runs_at_once = BytesOf(prompt, request)
                                .SetsAtOnce(intervention::MostRuns(request), info_.budget_bytes)};
        ASSIGN_OR_RETURN(prepared.terms, TermsOf(request, prompt_files_.tokenizer));
        ASSIGN_OR_RETURN(prepared.answer_id, AnswerOf(request, prompt_files_.tokenizer));
        ASSIGN_OR_RETURN(AblationResult result,
                         intervention::MeasureAblations(model_, *transcoders_, prepared, context));
        result.answer = prompt_files_.tokenizer.Decode(std::vector<int64_t>{result.answer_id});
        return result;
      });
}

}  // namespace cajal
