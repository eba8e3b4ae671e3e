#include "model/training/activation_stream.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "model/base/status.h"

namespace cajal::training {
namespace {

// So many sequences one after the other without a token: the data has none.
constexpr int kMaxEmptySequences = 100'000;

TokenActivations Slice(const TokenActivations& tokens, int64_t begin, int64_t end) {
  TokenActivations slice{.modality = tokens.modality.slice(0, begin, end)};
  for (const at::Tensor& x : tokens.inputs) slice.inputs.push_back(x.slice(0, begin, end));
  for (const at::Tensor& y : tokens.outputs) slice.outputs.push_back(y.slice(0, begin, end));
  return slice;
}

}  // namespace

ActivationStream::ActivationStream(const gemma3::Model* model, corpus::SequenceMixture* mixture,
                                   const HarvestSettings& settings)
    : model_(model), mixture_(mixture), settings_(settings) {
  position_.mixture = mixture->cursor();
}

void ActivationStream::Seek(const StreamPosition& position) {
  mixture_->Seek(position.mixture);
  position_ = position;
  sequence_.reset();
}

absl::Status ActivationStream::RunSequence(RunContext* context) {
  for (int i = 0; i < kMaxEmptySequences; ++i) {
    position_.mixture = mixture_->cursor();
    ASSIGN_OR_RETURN(const corpus::Sequence sequence, mixture_->Next());
    if (static_cast<int64_t>(sequence.token_ids.size()) <= settings_.skip_positions) continue;
    ASSIGN_OR_RETURN(sequence_, Harvest(*model_, sequence, settings_, context));
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "the data has no sequence with more positions than are skipped, " +
      std::to_string(settings_.skip_positions));
}

absl::StatusOr<TokenActivations> ActivationStream::Next(int64_t max_tokens, RunContext* context) {
  if (!sequence_.has_value()) RETURN_IF_ERROR(RunSequence(context));
  const int64_t begin = position_.tokens_of_sequence;
  const int64_t end = std::min(begin + max_tokens, sequence_->n_tokens());
  TokenActivations tokens = Slice(*sequence_, begin, end);
  position_.tokens_of_sequence = end;
  if (end == sequence_->n_tokens()) {
    sequence_.reset();
    position_ = {.mixture = mixture_->cursor()};
  }
  return tokens;
}

}  // namespace cajal::training
