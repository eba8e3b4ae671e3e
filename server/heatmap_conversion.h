// ComputeRollout between the wire and the plain structs. No gRPC; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cajal/v1/heatmap_service.pb.h"
#include "model/engine.h"
#include "server/heatmap_pictures.h"
#include "server/job.h"
#include "server/rollout_answer.h"
#include "server/tensor_chunks.h"

namespace cajal::server {

struct ComputeRolloutCall {
  tokenizer::Prompt prompt;
  rollout::RolloutRequest request;  // without a graph's weights
  std::optional<v1::GraphWeights> graph;
  bool half_precision = false;
  HeatmapOptions pictures;
};
// Checked as far as that needs no model but its number of vision layers. Takes the image bytes out
// of `proto`.
absl::StatusOr<ComputeRolloutCall> FromProto(v1::ComputeRolloutRequest&& proto,
                                             int32_t n_vision_layers);

// A rollout as messages: the header, tensors in chunks, pictures in chunks, each made when its turn
// comes. One thread at a time.
class RolloutMessages {
 public:
  // `result` is of a ComputeRollout job that has succeeded.
  RolloutMessages(const JobInfo& job, const JobResult& result);

  // False when there is no further message.
  bool Next(v1::ComputeRolloutResponse* message);

 private:
  void AddTensors(size_t image);

  std::shared_ptr<const RolloutAnswer> answer_;
  v1::RolloutHeader header_;
  TensorChunks tensors_;
  std::vector<HeatmapSubject> subjects_;
  bool has_sent_header_ = false;
  // Where the next picture chunk begins.
  size_t picture_ = 0;
  size_t offset_bytes_ = 0;
  std::string png_;  // of picture_; empty = not made yet
};

}  // namespace cajal::server
