#include "server/intervention_conversion.h"

#include <algorithm>
#include <utility>

#include "model/base/status.h"
#include "server/job_conversion.h"
#include "server/prompt_conversion.h"

namespace cajal::server {
namespace {

using intervention::ActivationChange;
using intervention::EditSetOutcome;

// The bound of a chunk. With the largest varints an activation takes 31 bytes.
constexpr size_t kActivationsPerChunk = 16384;

void AddTokens(const std::vector<intervention::TokenChange>& tokens,
               google::protobuf::RepeatedPtrField<v1::TokenChange>* proto) {
  for (const intervention::TokenChange& token : tokens) {
    v1::TokenChange* change = proto->Add();
    change->set_token_id(token.token_id);
    change->set_token(ToValidUtf8(token.token));
    *change->mutable_clean() = ScoreToProto(token.clean);
    *change->mutable_edited() = ScoreToProto(token.edited);
  }
}

v1::EditSetOutcome ToProto(const EditSetOutcome& outcome) {
  v1::EditSetOutcome proto;
  proto.set_label(outcome.label);
  AddTokens(outcome.clean_top, proto.mutable_clean_top());
  AddTokens(outcome.edited_top, proto.mutable_edited_top());
  AddTokens(outcome.tokens, proto.mutable_tokens());
  proto.set_kl_divergence(outcome.kl_divergence);
  proto.set_n_listed(static_cast<int32_t>(outcome.listed.size()));
  proto.set_n_changed(static_cast<int32_t>(outcome.changed.size()));
  return proto;
}

void Add(const ActivationChange& change, v1::ActivationChangeChunk* chunk) {
  chunk->add_layers(change.layer);
  chunk->add_positions(change.position);
  chunk->add_features(change.feature);
  chunk->add_clean(change.clean);
  chunk->add_edited(change.edited);
  chunk->add_clean_pre_activations(change.clean_pre_activation);
  chunk->add_edited_pre_activations(change.edited_pre_activation);
}

}  // namespace

absl::StatusOr<InterveneCall> FromProto(v1::InterveneRequest&& proto, const std::string& owner) {
  InterveneCall call;
  ASSIGN_OR_RETURN(call.session,
                   SessionUseFromProto(owner, proto.session(), proto.unclamped_clean_run()));
  ASSIGN_OR_RETURN(call.prompt, PromptFromProto(std::move(*proto.mutable_prompt())));
  if (proto.has_donor()) {
    auto donor = PromptFromProto(std::move(*proto.mutable_donor()));
    if (!donor.ok()) return InPromptField(donor.status(), "donor");
    call.donor = *std::move(donor);
  }
  RETURN_IF_ERROR(FromProto(proto.edit_sets(), &call.request.edit_sets, &call.supernodes));
  ASSIGN_OR_RETURN(call.request.run, FromProto(proto.settings()));
  ASSIGN_OR_RETURN(call.request.report, FromProto(proto.report()));
  return call;
}

v1::TokenScore ScoreToProto(const intervention::TokenScore& score) {
  v1::TokenScore proto;
  proto.set_logit(score.logit);
  proto.set_probability(score.probability);
  proto.set_rank(score.rank);
  return proto;
}

InterventionMessages::InterventionMessages(const JobInfo& job, const JobResult& result)
    : InterventionMessages(job, result.intervention, result.phases) {}

InterventionMessages::InterventionMessages(const JobInfo& job,
                                           std::shared_ptr<const InterventionResult> result,
                                           const std::vector<RunContext::PhaseSeconds>& phases)
    : result_(std::move(result)) {
  header_.set_job("jobs/" + job.id);
  header_.set_position(result_->position);
  header_.set_n_sets(static_cast<int32_t>(result_->sets.size()));
  const auto add_tensor = [this](const std::string& name, const std::vector<float>& values) {
    if (values.empty()) return;
    tensors_.Add(name, v1::TENSOR_TYPE_F32, {result_->n_positions, result_->vocab_size},
                 values.data(), static_cast<int64_t>(values.size() * sizeof(float)),
                 header_.mutable_tensors());
  };
  add_tensor("clean.logits", result_->clean_logits);
  for (size_t i = 0; i < result_->sets.size(); ++i) {
    add_tensor(std::to_string(i) + ".logits", result_->sets[i].logits);
  }
  *header_.mutable_phases() = ToProto(phases);
  header_.set_seconds(TotalSeconds(phases));
}

bool InterventionMessages::Next(v1::InterventionChunk* chunk) {
  if (set_ == result_->sets.size()) return tensors_.Next(chunk->mutable_tensor());
  const EditSetOutcome& outcome = result_->sets[set_];
  if (!std::exchange(has_sent_outcome_, true)) {
    *chunk->mutable_outcome() = ToProto(outcome);
  } else {
    NextActivations(chunk->mutable_activations());
  }
  if (activation_ == outcome.listed.size() + outcome.changed.size()) {
    ++set_;
    has_sent_outcome_ = false;
    activation_ = 0;
  }
  return true;
}

void InterventionMessages::NextActivations(v1::ActivationChangeChunk* chunk) {
  const EditSetOutcome& outcome = result_->sets[set_];
  const size_t n_listed = outcome.listed.size();
  const size_t end =
      std::min(activation_ + kActivationsPerChunk, n_listed + outcome.changed.size());
  for (; activation_ < end; ++activation_) {
    Add(activation_ < n_listed ? outcome.listed[activation_]
                               : outcome.changed[activation_ - n_listed],
        chunk);
  }
}

}  // namespace cajal::server
