// The endless stream of tokens that a run is trained on: sequences of the data, run through the
// model.
//
//   ActivationStream stream(&model, &mixture, settings);
//   ASSIGN_OR_RETURN(TokenActivations tokens, stream.Next(1000, &context));   // 1 to 1000 tokens
//   const StreamPosition here = stream.position();                            // … later:
//   stream.Seek(here);
//
// Which tokens come, and their values, depend on the position alone and not on where earlier calls
// cut the stream: a sequence is always run as a whole. Used by one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/corpus/sequence_mixture.h"
#include "model/gemma3/model.h"
#include "model/training/harvest.h"

namespace cajal::training {

// The next token: the mixture before its sequence, and the number of that sequence's tokens (those
// that are not skipped) that have been given out.
struct StreamPosition {
  corpus::MixtureCursor mixture;
  int64_t tokens_of_sequence = 0;

  friend bool operator==(const StreamPosition&, const StreamPosition&) = default;
};

class ActivationStream {
 public:
  // `model` and `mixture` must outlive it; the mixture is its alone.
  ActivationStream(const gemma3::Model* model, corpus::SequenceMixture* mixture,
                   const HarvestSettings& settings);

  [[nodiscard]] const StreamPosition& position() const { return position_; }
  void Seek(const StreamPosition& position);

  // The next tokens, all of one sequence: at least 1, at most `max_tokens`. INVALID_ARGUMENT when
  // the data has no token besides those that are skipped.
  absl::StatusOr<TokenActivations> Next(int64_t max_tokens, RunContext* context);

 private:
  // Runs sequences until one has tokens.
  absl::Status RunSequence(RunContext* context);

  const gemma3::Model* model_;
  corpus::SequenceMixture* mixture_;
  const HarvestSettings settings_;
  StreamPosition position_;
  std::optional<TokenActivations> sequence_;  // the position's, once it was run
};

}  // namespace cajal::training
