// Evaluations of transcoders between the wire and the plain structs. No gRPC; any thread.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cajal/v1/feature_service.pb.h"
#include "model/engine.h"
#include "server/job.h"

namespace cajal::server {

inline constexpr int32_t kMaxEvaluatedPrompts = 64;

struct EvaluationCall {
  std::vector<tokenizer::Prompt> prompts;
  EvaluationRequest request;
  double dense_threshold = features::kDefaultDenseThreshold;
};
// Checked as far as that needs no model; `n_layers` is the default of the last layer. Takes the
// image bytes out of `proto`.
absl::StatusOr<EvaluationCall> FromProto(v1::EvaluateTranscodersRequest&& proto, int32_t n_layers);

// An error about a prompt, whose field begins with "prompt", as one about `prompts[index]`.
absl::Status InPrompts(const absl::Status& status, int index);

// An evaluation as messages: the header, then the sums in chunks. One thread at a time. Used as
// GraphMessages is (graph_conversion.h).
class EvaluationMessages {
 public:
  // `result` is of an EvaluateTranscoders job that has succeeded.
  EvaluationMessages(const JobInfo& job, const JobResult& result, double dense_threshold);

  const v1::EvaluationHeader& header() const { return header_; }
  // False when there is no further chunk. A chunk is smaller than 512 KiB.
  bool Next(v1::EvaluationChunk* chunk);

 private:
  std::shared_ptr<const TranscoderEvaluation> evaluation_;
  v1::EvaluationHeader header_;
  // Where the next chunk begins: which array, counted in the order of the chunks, and where in it.
  size_t array_ = 0;
  size_t offset_ = 0;
};

}  // namespace cajal::server
