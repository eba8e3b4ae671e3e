#include "server/intervention_conversion.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "model/base/status.h"
#include "server/job_conversion.h"
#include "server/prompt_conversion.h"

namespace cajal::server {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors travel as they lie in memory");

using intervention::ActivationChange;
using intervention::EditSetOutcome;

// Bounds of a chunk. With the largest varints an activation takes 31 bytes.
constexpr size_t kActivationsPerChunk = 16384;
constexpr int64_t kTensorBytesPerChunk = 508 << 10;

v1::TokenScore ToProto(const intervention::TokenScore& score) {
  v1::TokenScore proto;
  proto.set_logit(score.logit);
  proto.set_probability(score.probability);
  proto.set_rank(score.rank);
  return proto;
}

void AddTokens(const std::vector<intervention::TokenChange>& tokens,
               google::protobuf::RepeatedPtrField<v1::TokenChange>* proto) {
  for (const intervention::TokenChange& token : tokens) {
    v1::TokenChange* change = proto->Add();
    change->set_token_id(token.token_id);
    change->set_token(ToValidUtf8(token.token));
    *change->mutable_clean() = ToProto(token.clean);
    *change->mutable_edited() = ToProto(token.edited);
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

absl::StatusOr<InterveneCall> FromProto(v1::InterveneRequest&& proto) {
  InterveneCall call;
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
    v1::TensorInfo* info = header_.add_tensors();
    info->set_name(name);
    info->set_type(v1::TENSOR_TYPE_F32);
    info->add_shape(result_->n_positions);
    info->add_shape(result_->vocab_size);
    info->set_size_bytes(static_cast<int64_t>(values.size() * sizeof(float)));
    tensors_.push_back(&values);
  };
  add_tensor("clean.logits", result_->clean_logits);
  for (size_t i = 0; i < result_->sets.size(); ++i) {
    add_tensor(std::to_string(i) + ".logits", result_->sets[i].logits);
  }
  *header_.mutable_phases() = ToProto(phases);
  header_.set_seconds(std::accumulate(
      phases.begin(), phases.end(), 0.0,
      [](double sum, const RunContext::PhaseSeconds& phase) { return sum + phase.seconds; }));
}

bool InterventionMessages::Next(v1::InterventionChunk* chunk) {
  if (set_ == result_->sets.size()) return NextTensor(chunk->mutable_tensor());
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

bool InterventionMessages::NextTensor(v1::TensorChunk* chunk) {
  if (tensor_ == header_.tensors_size()) return false;
  const int64_t size = header_.tensors(tensor_).size_bytes();
  const int64_t bytes = std::min(kTensorBytesPerChunk, size - offset_bytes_);
  const auto* data = reinterpret_cast<const char*>(tensors_[static_cast<size_t>(tensor_)]->data());
  chunk->set_tensor(tensor_);
  chunk->set_offset_bytes(offset_bytes_);
  chunk->set_data(data + offset_bytes_, static_cast<size_t>(bytes));
  offset_bytes_ += bytes;
  if (offset_bytes_ == size) {
    ++tensor_;
    offset_bytes_ = 0;
  }
  return true;
}

}  // namespace cajal::server
