#include "model/generation/generate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "model/base/status.h"
#include "model/gemma3/decoder.h"
#include "model/gemma3/host_to_device.h"
#include "model/generation/next_tokens.h"
#include "model/generation/sampler.h"
#include "model/generation/text_stream.h"

namespace cajal::generation {
namespace {

using gemma3::AttentionLayout;
using gemma3::KeyValueCache;

constexpr char kNotFinite[] = "NOT_FINITE";

// A sequence that has not ended.
struct Growing {
  int32_t sequence;  // its number in the result
  int32_t set;       // as PassEdits counts
  Sampler sampler;
  TextStream text;
};

class Run {
 public:
  Run(const Generator& generator, const gemma3::ModelInput& prompt, const GenerateRequest& request,
      RunContext* context)
      : generator_(generator),
        prompt_(prompt),
        request_(request),
        context_(context),
        quiet_(context->WithoutProgress()),
        n_prompt_(static_cast<int64_t>(prompt.token_ids.size())),
        // The last new token is not passed.
        layout_(n_prompt_ + request.max_new_tokens - 1, prompt.image_runs,
                generator.model.config.text.sliding_window),
        cache_(generator.model.config.text, layout_.n_positions()) {
    for (int32_t set = 0; set < n_sets(); ++set) {
      for (int32_t sample = 0; sample < request.samples; ++sample) {
        growing_.push_back({.sequence = static_cast<int32_t>(growing_.size()),
                            .set = set,
                            .sampler = Sampler(request.sampling, static_cast<uint32_t>(sample)),
                            .text = TextStream(generator.tokenizer)});
        result_.sequences.push_back({.edit_set = set - 1, .sample = sample});
      }
    }
  }

  absl::Status PassPrompt() {
    gemma3::Recording nothing;
    ASSIGN_OR_RETURN(at::Tensor residual,
                     EmbedPrompt(generator_.model, prompt_, &nothing, context_));
    residual = residual.unsqueeze(0);
    const bool is_shared = generator_.edits == nullptr || !generator_.edits->ChangesPrompt();
    // What edits do may depend on the prompt as a whole.
    const int64_t length = is_shared ? kPromptPass : n_prompt_;
    PassEdits* edits = is_shared ? nullptr : generator_.edits;
    std::vector<int32_t> sets(is_shared ? 1 : static_cast<size_t>(n_sets()));
    std::iota(sets.begin(), sets.end(), 0);
    residual = residual.expand({std::ssize(sets), -1, -1});
    context_->BeginPhase("prompt", n_prompt_);
    for (int64_t begin = 0; begin < n_prompt_; begin = cache_.n_positions()) {
      const int64_t end = std::min(layout_.PassEnd(begin, length), n_prompt_);
      RETURN_IF_ERROR(Pass(residual.slice(1, begin, end), sets, edits));
      context_->Advance(end);
    }
    if (growing_.size() > sets.size()) {
      std::vector<int64_t> rows;  // of each sequence
      for (const Growing& sequence : growing_) rows.push_back(is_shared ? 0 : sequence.set);
      cache_.Select(rows);
      logits_ = logits_.index_select(0, gemma3::ToDevice(rows, logits_.device()));
    }
    return absl::OkStatus();
  }

  // Gives every growing sequence the token that its logits ask for. Those that end leave the batch.
  absl::Status ChooseTokens(int32_t index, const OnTokens& on_tokens) {
    RETURN_IF_ERROR(CheckFinite(index));
    const at::Tensor logits = logits_.to(at::kCPU).contiguous();
    const auto vocab = static_cast<size_t>(logits.size(1));
    std::vector<GeneratedToken> tokens;
    std::vector<int64_t> going_on;  // places in the batch
    last_tokens_.clear();
    for (size_t b = 0; b < growing_.size(); ++b) {
      const std::span<const float> row(logits.const_data_ptr<float>() + b * vocab, vocab);
      GeneratedToken& token = tokens.emplace_back(Choose(row, index, &growing_[b]));
      if (Ends(&token, &growing_[b])) continue;
      going_on.push_back(static_cast<int64_t>(b));
      last_tokens_.push_back(token.chosen.token_id);
    }
    on_tokens(std::move(tokens));
    if (going_on.size() == growing_.size()) return absl::OkStatus();
    std::vector<Growing> rest;
    rest.reserve(going_on.size());
    for (const int64_t b : going_on) rest.push_back(std::move(growing_[static_cast<size_t>(b)]));
    growing_ = std::move(rest);
    if (!growing_.empty()) cache_.Select(going_on);
    return absl::OkStatus();
  }

  absl::Status PassTokens() {
    std::vector<int32_t> sets;
    for (const Growing& sequence : growing_) sets.push_back(sequence.set);
    return Pass(EmbedTokens(generator_.model, last_tokens_).unsqueeze(1), sets, generator_.edits);
  }

  [[nodiscard]] bool is_done() const { return growing_.empty(); }
  GenerateResult TakeResult() { return std::move(result_); }

 private:
  [[nodiscard]] int32_t n_sets() const {
    return generator_.edits == nullptr ? 1 : generator_.edits->n_sets();
  }

  // residual: [B, new, d], row b of a sequence of sets[b]. Leaves the last position's logits,
  // [B, vocab].
  absl::Status Pass(const at::Tensor& residual, const std::vector<int32_t>& sets,
                    PassEdits* edits) {
    const gemma3::DecoderWeights& weights = generator_.model.weights.decoder;
    const checkpoint::TextConfig& config = generator_.model.config.text;
    std::unique_ptr<gemma3::DecoderHook> hook;
    if (edits != nullptr) {
      const int64_t begin = cache_.n_positions();
      hook = edits->HookFor(begin, begin + residual.size(1), sets);
    }
    ASSIGN_OR_RETURN(const at::Tensor normed,
                     RunDecoder(weights, config, layout_, residual,
                                {.hook = hook.get(), .cache = &cache_}, &quiet_));
    logits_ = Logits(weights, config, normed.select(1, -1));
    return absl::OkStatus();
  }

  // Whether all logits are numbers that a token can be chosen by.
  [[nodiscard]] absl::Status CheckFinite(int32_t index) const {
    const at::Tensor is_finite = logits_.isfinite().all(1).to(at::kCPU);
    for (size_t b = 0; b < growing_.size(); ++b) {
      if (is_finite.const_data_ptr<bool>()[b]) continue;
      const std::string what =
          "the logits of new token " + std::to_string(index) + " are not finite numbers";
      if (growing_[b].set == 0) {
        return WithReason(absl::FailedPreconditionError("without edits " + what), kNotFinite);
      }
      return InvalidField("edit_sets[" + std::to_string(growing_[b].set - 1) + "]", kNotFinite,
                          "with these edits " + what + "; smaller changes may be possible");
    }
    return absl::OkStatus();
  }

  // logits: [vocab].
  GeneratedToken Choose(std::span<const float> logits, int32_t index, Growing* sequence) const {
    const int64_t id = sequence->sampler.Next(logits);
    const NextTokens next(logits);
    GeneratedToken token{.sequence = sequence->sequence,
                         .edit_set = sequence->set - 1,
                         .index = index,
                         .chosen = Candidate(next, id)};
    for (const int64_t candidate : next.Top(request_.top_tokens)) {
      token.top.push_back(Candidate(next, candidate));
    }
    return token;
  }

  [[nodiscard]] CandidateToken Candidate(const NextTokens& next, int64_t id) const {
    return {.token_id = id,
            .token = generator_.tokenizer.Decode(std::vector<int64_t>{id}),
            .logit = next.LogitOf(id),
            .probability = next.ProbabilityOf(id)};
  }

  // Adds the token to its sequence and fills in its text. Whether the sequence has ended.
  bool Ends(GeneratedToken* token, Growing* growing) {
    const std::vector<int64_t>& stops = generator_.stop_token_ids;
    const int64_t id = token->chosen.token_id;
    GeneratedSequence& sequence = result_.sequences[static_cast<size_t>(token->sequence)];
    sequence.token_ids.push_back(id);
    const bool is_stop = std::find(stops.begin(), stops.end(), id) != stops.end();
    const bool is_last = is_stop || token->index + 1 == request_.max_new_tokens;
    if (is_stop) {
      sequence.finish_reason = FinishReason::kStopToken;
    } else {
      token->text = growing->text.Add(id);
    }
    if (is_last) token->text += growing->text.Finish();
    sequence.text += token->text;
    return is_last;
  }

  const Generator& generator_;
  const gemma3::ModelInput& prompt_;
  const GenerateRequest& request_;
  RunContext* const context_;
  RunContext quiet_;
  const int64_t n_prompt_;
  const AttentionLayout layout_;
  KeyValueCache cache_;
  std::vector<Growing> growing_;  // the batch
  std::vector<int64_t> last_tokens_;
  at::Tensor logits_;
  GenerateResult result_;
};

}  // namespace

absl::StatusOr<GenerateResult> Generate(const Generator& generator,
                                        const gemma3::ModelInput& prompt,
                                        const GenerateRequest& request, const OnTokens& on_tokens,
                                        RunContext* context) {
  Run run(generator, prompt, request, context);
  RETURN_IF_ERROR(run.PassPrompt());
  context->BeginPhase("generate", request.max_new_tokens);
  for (int32_t index = 0;; ++index) {
    RETURN_IF_ERROR(context->CheckStop());
    RETURN_IF_ERROR(run.ChooseTokens(index, on_tokens));
    context->Advance(index + 1);
    if (run.is_done()) return run.TakeResult();
    RETURN_IF_ERROR(run.PassTokens());
  }
}

}  // namespace cajal::generation
