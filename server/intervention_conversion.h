// Interventions between the wire and the plain structs. No gRPC; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cajal/v1/intervention_service.pb.h"
#include "model/engine.h"
#include "server/edit_conversion.h"
#include "server/job.h"
#include "server/session_use.h"
#include "server/tensor_chunks.h"

namespace cajal::server {

struct InterveneCall {
  tokenizer::Prompt prompt;
  std::optional<tokenizer::Prompt> donor;
  SessionUse session;
  InterventionRequest request;            // without the donor and the session's clamps
  std::vector<SupernodeEdit> supernodes;  // still to be added to the request's edit sets
};
// Checked as far as that needs no model. Takes the image bytes out of `proto`.
absl::StatusOr<InterveneCall> FromProto(v1::InterveneRequest&& proto, const std::string& owner);

v1::TokenScore ScoreToProto(const intervention::TokenScore& score);

// An intervention as messages: the header, then outcomes, activations and tensors in chunks. One
// thread at a time. Used as GraphMessages is (graph_conversion.h).
class InterventionMessages {
 public:
  // `result` is of a job that has succeeded.
  InterventionMessages(const JobInfo& job, const JobResult& result);
  // Of a result that is a part of another.
  InterventionMessages(const JobInfo& job, std::shared_ptr<const InterventionResult> result,
                       const std::vector<RunContext::PhaseSeconds>& phases);

  const v1::InterventionHeader& header() const { return header_; }
  // False when there is no further chunk. A chunk is smaller than 512 KiB.
  bool Next(v1::InterventionChunk* chunk);

 private:
  // The stretch of activations that comes next, of those of the current set.
  void NextActivations(v1::ActivationChangeChunk* chunk);

  std::shared_ptr<const InterventionResult> result_;
  v1::InterventionHeader header_;
  TensorChunks tensors_;  // of result_
  // Where the next chunk begins.
  size_t set_ = 0;
  bool has_sent_outcome_ = false;
  size_t activation_ = 0;  // of the listed ones, then of the changed ones
};

}  // namespace cajal::server
