// From the device's memory to the host's: the other direction of host_to_device.h.
//
// Into ordinary memory a copy would make the caller wait until the device has done everything that
// it was given before. Memory that is pinned as a whole could not be given back: torch keeps it for
// later, each piece rounded up to a power of two.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <array>
#include <cstdint>
#include <optional>

namespace cajal::gemma3 {

// Copies large tensors, piece by piece through two pinned buffers: while one fills, the other is
// emptied. Used by one thread.
class TensorDownload {
 public:
  static constexpr int64_t kBufferBytes = 32 << 20;

  explicit TensorDownload(const at::Device& device, int64_t buffer_bytes = kBufferBytes)
      : device_(device), buffer_bytes_(buffer_bytes) {}

  // source: on the device, computed before on its current stream, which takes the copies. target:
  // on the CPU, as large and of the same dtype. Both contiguous. Returns when all has arrived.
  void Copy(const at::Tensor& source, at::Tensor* target);

 private:
  struct Buffer {
    at::Tensor bytes;
    std::optional<c10::Event> is_full;  // recorded behind its last copy; never on the CPU
  };

  const at::Device device_;
  const int64_t buffer_bytes_;
  std::array<Buffer, 2> buffers_;
};

}  // namespace cajal::gemma3
