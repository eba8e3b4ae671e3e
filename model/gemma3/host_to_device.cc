#include "model/gemma3/host_to_device.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

namespace cajal::gemma3 {

at::Tensor ToDevice(const at::Tensor& tensor, const at::Device& device) {
  if (tensor.device() == device) return tensor;
  return tensor.pin_memory().to(device, /*non_blocking=*/true);
}

at::Tensor ToDevice(const std::vector<int64_t>& values, const at::Device& device) {
  return ToDevice(at::tensor(values, at::kLong), device);
}

void MatrixUpload::Copy(const at::Tensor& source, at::Tensor* target) {
  const int64_t n_rows = target->size(0);
  const int64_t n_columns = target->size(1);
  const int64_t row_bytes = n_columns * static_cast<int64_t>(target->element_size());
  const int64_t rows_at_once = std::max<int64_t>(1, buffer_bytes_ / row_bytes);
  const auto options =
      at::TensorOptions().dtype(target->scalar_type()).pinned_memory(!device_.is_cpu());
  for (int64_t begin = 0; begin < n_rows; begin += rows_at_once) {
    const int64_t n = std::min(rows_at_once, n_rows - begin);
    Buffer& buffer = buffers_[next_];
    next_ = 1 - next_;
    if (buffer.is_free.has_value()) buffer.is_free->synchronize();
    if (!buffer.values.defined() || buffer.values.numel() < n * n_columns ||
        buffer.values.scalar_type() != target->scalar_type()) {
      buffer.values = at::empty({rows_at_once * n_columns}, options);
    }
    at::Tensor piece = buffer.values.slice(0, 0, n * n_columns).view({n, n_columns});
    piece.copy_(source.slice(0, begin, begin + n));
    target->slice(0, begin, begin + n).copy_(piece, /*non_blocking=*/true);
    if (device_.is_cpu()) continue;
    if (!buffer.is_free.has_value()) buffer.is_free.emplace(device_.type());
    buffer.is_free->record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  }
}

}  // namespace cajal::gemma3
