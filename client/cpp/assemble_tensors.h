// Puts the bytes of streamed tensors together; see assemble.h.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cajal/v1/common.pb.h"
#include "client/cpp/model.h"

namespace cajal::client {

// The tensors that a header lists, then their bytes in order.
class TensorAssembler {
 public:
  absl::Status Announce(const google::protobuf::RepeatedPtrField<v1::TensorInfo>& tensors);
  absl::Status Add(const v1::TensorChunk& chunk);
  // The whole; an error when something is missing. Call once, last.
  absl::StatusOr<std::vector<Tensor>> Finish();

 private:
  std::vector<Tensor> tensors_;
  std::vector<int64_t> sizes_;     // bytes of each tensor
  std::vector<int64_t> received_;  // bytes of each tensor so far
};

}  // namespace cajal::client
