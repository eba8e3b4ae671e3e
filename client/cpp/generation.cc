#include "client/cpp/generation.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"
#include "client/cpp/utf8.h"
#include "client/cpp/wire.h"
#include "client/cpp/wire_intervention.h"

namespace cajal::client {
namespace {

// As many as a server takes; more in an answer would be its mistake.
constexpr int32_t kMostSequences = 1 << 16;

TokenProbability FromProto(const v1::CandidateToken& proto) {
  return {.token_id = proto.token_id(),
          .token = proto.token(),
          .logit = proto.logit(),
          .probability = proto.probability()};
}

GeneratedToken FromProto(const v1::GeneratedToken& proto) {
  GeneratedToken token{.sequence = proto.sequence(),
                       .edit_set = proto.has_edit_set() ? proto.edit_set() : -1,
                       .index = proto.index(),
                       .chosen = FromProto(proto.chosen()),
                       .text = proto.text()};
  for (const v1::CandidateToken& candidate : proto.top_tokens()) {
    token.top_tokens.push_back(FromProto(candidate));
  }
  return token;
}

}  // namespace

absl::StatusOr<v1::GenerateRequest> ToProto(const GenerateRequest& request) {
  absl::StatusOr<v1::Prompt> prompt = ToProto(request.prompt);
  if (!prompt.ok()) return prompt.status();
  v1::GenerateRequest proto;
  *proto.mutable_prompt() = *std::move(prompt);
  proto.set_max_new_tokens(request.max_new_tokens);
  v1::Sampling* sampling = proto.mutable_sampling();
  sampling->set_temperature(request.temperature);
  sampling->set_top_k(request.top_k);
  sampling->set_top_p(request.top_p);
  sampling->set_seed(request.seed);
  proto.set_samples(request.samples);
  for (size_t i = 0; i < request.stop_tokens.size(); ++i) {
    const absl::Status status =
        CheckUtf8(request.stop_tokens[i], absl::StrCat("stop_tokens[", i, "]"));
    if (!status.ok()) return status;
    proto.add_stop_tokens(request.stop_tokens[i]);
  }
  proto.set_top_tokens(request.top_tokens);
  for (size_t i = 0; i < request.edit_sets.size(); ++i) {
    absl::StatusOr<v1::EditSet> set =
        ToProto(request.edit_sets[i], absl::StrCat("edit_sets[", i, "]"));
    if (!set.ok()) return set.status();
    *proto.add_edit_sets() = *std::move(set);
  }
  *proto.mutable_settings() = ToProto(request.settings);
  if (request.donor.has_value()) {
    absl::StatusOr<v1::Prompt> donor = ToProto(*request.donor);
    if (!donor.ok()) return donor.status();
    *proto.mutable_donor() = *std::move(donor);
  }
  if (absl::Status utf8 = CheckUtf8(request.session, "session"); !utf8.ok()) return utf8;
  proto.set_session(request.session);
  proto.set_unclamped_clean_run(request.unclamped_clean_run);
  return proto;
}

absl::Status GenerateAssembler::Add(const v1::GeneratedTokens& tokens) {
  for (const v1::GeneratedToken& proto : tokens.tokens()) {
    const int32_t sequence = proto.sequence();
    if (sequence < 0 || sequence >= kMostSequences) {
      return BrokenAnswer(absl::StrCat("a token is of sequence ", sequence));
    }
    if (sequence >= std::ssize(tokens_)) tokens_.resize(static_cast<size_t>(sequence) + 1);
    std::vector<GeneratedToken>& of_sequence = tokens_[static_cast<size_t>(sequence)];
    if (proto.index() != std::ssize(of_sequence)) {
      return BrokenAnswer(absl::StrCat("token ", proto.index(), " of sequence ", sequence,
                                       " came after ", of_sequence.size(), " tokens"));
    }
    of_sequence.push_back(FromProto(proto));
    if (on_token_) on_token_(of_sequence.back());
  }
  return absl::OkStatus();
}

absl::Status GenerateAssembler::Add(const v1::GenerateSummary& summary) {
  if (std::exchange(has_summary_, true)) return BrokenAnswer("the summary was sent twice");
  result_.job = summary.job();
  for (const v1::GeneratedSequence& proto : summary.sequences()) {
    result_.sequences.push_back(
        {.edit_set = proto.has_edit_set() ? proto.edit_set() : -1,
         .label = proto.label(),
         .sample = proto.sample(),
         .token_ids = {proto.token_ids().begin(), proto.token_ids().end()},
         .text = proto.text(),
         .finish_reason = proto.finish_reason() == v1::FINISH_REASON_STOP_TOKEN
                              ? FinishReason::kStopToken
                              : FinishReason::kMaxNewTokens});
  }
  result_.n_prompt_positions = summary.n_prompt_positions();
  for (const v1::PhaseTime& phase : summary.phases()) {
    result_.phases.push_back({phase.phase(), phase.seconds()});
  }
  result_.seconds = summary.seconds();
  return absl::OkStatus();
}

absl::StatusOr<GenerateResult> GenerateAssembler::Finish() {
  if (!has_summary_) return BrokenAnswer("the answer ended without a summary");
  tokens_.resize(result_.sequences.size());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    GeneratedSequence& sequence = result_.sequences[i];
    if (tokens_[i].size() != sequence.token_ids.size()) {
      return BrokenAnswer(absl::StrCat("sequence ", i, " has ", sequence.token_ids.size(),
                                       " tokens, and ", tokens_[i].size(), " were sent"));
    }
    sequence.tokens = std::move(tokens_[i]);
  }
  return std::move(result_);
}

}  // namespace cajal::client
