// Puts the answer to ComputeRollout together; see assemble.h.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cajal/v1/heatmap_service.pb.h"
#include "client/cpp/assemble_tensors.h"
#include "client/cpp/heatmap.h"

namespace cajal::client {

// One header, the bytes of its tensors in order, the bytes of its pictures in order.
class RolloutAssembler {
 public:
  absl::Status Add(const v1::RolloutHeader& header);
  absl::Status Add(const v1::TensorChunk& chunk);
  absl::Status Add(const v1::HeatmapPictureChunk& chunk);
  absl::StatusOr<Rollout> Finish();

 private:
  bool has_header_ = false;
  Rollout rollout_;
  TensorAssembler tensors_;
  size_t picture_ = 0;  // whose bytes come next
};

}  // namespace cajal::client
