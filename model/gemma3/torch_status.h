// Where torch's exceptions become statuses: the engine wraps each of its calls in this, once.
#pragma once

#include <c10/core/Device.h>

#include <utility>

#include "absl/status/statusor.h"

namespace cajal::gemma3 {

// The status of the exception that is being handled; call it from a catch block.
//   c10::OutOfMemoryError, std::bad_alloc, a refused CPU allocation: RESOURCE_EXHAUSTED with reason
//     DEVICE_OUT_OF_MEMORY; the next call can work.
//   a poisoned device context: UNAVAILABLE with reason DEVICE_LOST; only a restart helps.
//   anything else: INTERNAL, which is a bug of ours.
absl::Status StatusOfCurrentException();

// Runs `call`, which returns a Status or StatusOr.
template <typename Call>
auto CatchTorch(Call&& call) -> decltype(call()) {
  try {
    return std::forward<Call>(call)();
  } catch (...) {
    return StatusOfCurrentException();
  }
}

// StatusOfCurrentException, after which memory of the device is free again if it ran out: also what
// torch's allocator would keep.
absl::Status StatusOfCurrentException(const at::Device& device);

// CatchTorch for a call that computes on `device`.
template <typename Call>
auto CatchTorchOn(const at::Device& device, Call&& call) -> decltype(call()) {
  try {
    return std::forward<Call>(call)();
  } catch (...) {
    return StatusOfCurrentException(device);
  }
}

}  // namespace cajal::gemma3
