#include "model/gemma3/device_to_host.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <cstring>

#include "model/base/check.h"

namespace cajal::gemma3 {

void TensorDownload::Copy(const at::Tensor& source, at::Tensor* target) {
  CAJAL_CHECK(source.is_contiguous() && target->is_contiguous() &&
              source.scalar_type() == target->scalar_type() && source.numel() == target->numel());
  const auto n_bytes = static_cast<int64_t>(source.nbytes());
  if (n_bytes == 0) return;
  const at::Tensor from = source.flatten().view(at::kByte);
  auto* const to = static_cast<char*>(target->mutable_data_ptr());
  const auto buffer_of = [this](int64_t begin) -> Buffer& {
    return buffers_[static_cast<size_t>(begin / buffer_bytes_ % 2)];
  };
  const auto size_at = [&](int64_t begin) { return std::min(buffer_bytes_, n_bytes - begin); };
  const auto empty_buffer = [&](int64_t begin) {
    const Buffer& buffer = buffer_of(begin);
    if (buffer.is_full.has_value()) buffer.is_full->synchronize();
    std::memcpy(to + begin, buffer.bytes.const_data_ptr(), static_cast<size_t>(size_at(begin)));
  };
  const auto options = at::TensorOptions().dtype(at::kByte).pinned_memory(!device_.is_cpu());
  for (int64_t begin = 0; begin < n_bytes; begin += buffer_bytes_) {
    const int64_t size = size_at(begin);
    Buffer& buffer = buffer_of(begin);
    if (!buffer.bytes.defined() || buffer.bytes.numel() < size) {
      buffer.bytes = at::empty({size}, options);
    }
    buffer.bytes.slice(0, 0, size).copy_(from.slice(0, begin, begin + size), /*non_blocking=*/true);
    if (!device_.is_cpu()) {
      if (!buffer.is_full.has_value()) buffer.is_full.emplace(device_.type());
      buffer.is_full->record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
    }
    if (begin > 0) empty_buffer(begin - buffer_bytes_);
  }
  empty_buffer((n_bytes - 1) / buffer_bytes_ * buffer_bytes_);
}

}  // namespace cajal::gemma3
