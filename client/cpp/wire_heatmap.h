// HeatmapService between the library's plain values and the messages; see wire.h.
#pragma once

#include "absl/status/statusor.h"
#include "cajal/v1/heatmap_service.pb.h"
#include "client/cpp/heatmap.h"

namespace cajal::client {

absl::StatusOr<v1::ComputeRolloutRequest> ToProto(const ComputeRolloutRequest& request);
Rollout FromProto(const v1::RolloutHeader& header);  // without tensors and the pictures' bytes

}  // namespace cajal::client
