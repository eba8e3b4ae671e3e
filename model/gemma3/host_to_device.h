// From the host's memory to the device's, through pinned memory, so that nobody waits for a copy.
//
// A copy from ordinary memory makes the caller wait until the device has reached it, and with that
// for everything it was given before. From pinned memory the device takes it in its turn.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace cajal::gemma3 {

// A small tensor of the CPU on `device`, in its turn on the current stream; itself if it is there
// already.
at::Tensor ToDevice(const at::Tensor& tensor, const at::Device& device);
at::Tensor ToDevice(const std::vector<int64_t>& values, const at::Device& device);

// Copies large matrices, piece by piece through two pinned buffers: while one is on its way, the
// other is filled from the source, which may be a file that is read meanwhile. Used by one thread.
class MatrixUpload {
 public:
  static constexpr int64_t kBufferBytes = 32 << 20;

  explicit MatrixUpload(const at::Device& device, int64_t buffer_bytes = kBufferBytes)
      : device_(device), buffer_bytes_(buffer_bytes) {}

  // source: [rows, columns] on the CPU, of any floating dtype, possibly strided. target: [rows,
  // columns] on the device, each row contiguous; its dtype is converted to. Returns when the last
  // piece has been handed to the current stream, not when it has arrived.
  void Copy(const at::Tensor& source, at::Tensor* target);

 private:
  struct Buffer {
    at::Tensor values;                  // one-dimensional
    std::optional<c10::Event> is_free;  // recorded behind its last copy; never on the CPU
  };

  const at::Device device_;
  const int64_t buffer_bytes_;
  std::array<Buffer, 2> buffers_;
  size_t next_ = 0;
};

}  // namespace cajal::gemma3
