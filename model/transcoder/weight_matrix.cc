#include "model/transcoder/weight_matrix.h"

#include <ATen/ATen.h>
#include <sys/mman.h>
#include <unistd.h>

namespace cajal::transcoder {
namespace {

// Such a matrix can be used where it is: its rows may lie apart, as those for one of the target
// layers of a cross-layer decoder do.
bool HasContiguousRows(const at::Tensor& matrix) { return matrix.stride(1) == 1; }

}  // namespace

WeightMatrix::WeightMatrix(at::Tensor resident)
    : tensor_(std::move(resident)), placement_{tensor_.device(), tensor_.scalar_type()} {}

WeightMatrix::WeightMatrix(at::Tensor source, bool is_mapped_file,
                           const gemma3::Placement& placement, bool is_resident)
    : tensor_(std::move(source)), is_mapped_file_(is_mapped_file), placement_(placement) {
  if (!is_resident) return;
  is_mapped_file_ = is_mapped_file && PlacedBytes(tensor_, placement) == 0;
  tensor_ = PlacedRows(0, n_rows());
}

at::Tensor WeightMatrix::PlacedRows(int64_t begin, int64_t end) const {
  const at::Tensor placed = tensor_.slice(0, begin, end).to(placement_.device, placement_.dtype);
  return HasContiguousRows(placed) ? placed : placed.contiguous();
}

at::Tensor WeightMatrix::Rows(const at::Tensor& indices) const {
  if (!tensor_.is_cpu()) {
    return tensor_.index_select(0, gemma3::ToDevice(indices, tensor_.device())).to(at::kFloat);
  }
  const at::Tensor rows = tensor_.index_select(0, indices.cpu()).to(placement_.dtype);
  return gemma3::ToDevice(rows, placement_.device).to(at::kFloat);
}

void WeightMatrix::Prefetch() const { Advise(MADV_WILLNEED); }
void WeightMatrix::DropPages() const { Advise(MADV_DONTNEED); }

void WeightMatrix::Advise(int advice) const {
  if (!is_mapped_file_ || tensor_.numel() == 0) return;
  const int64_t last_element =
      (tensor_.size(0) - 1) * tensor_.stride(0) + (tensor_.size(1) - 1) * tensor_.stride(1);
  const auto n_bytes = static_cast<size_t>((last_element + 1) * tensor_.element_size());
  // Whole pages, from the one in which the matrix begins.
  static const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto* begin = static_cast<const char*>(tensor_.const_data_ptr());
  const size_t into_page = reinterpret_cast<uintptr_t>(begin) % page;
  madvise(const_cast<char*>(begin - into_page), n_bytes + into_page, advice);
}

int64_t WeightMatrix::PlacedBytes(const at::Tensor& source, const gemma3::Placement& placement) {
  const bool in_place = placement.device.is_cpu() && source.scalar_type() == placement.dtype &&
                        HasContiguousRows(source);
  return in_place ? 0 : source.numel() * static_cast<int64_t>(at::elementSize(placement.dtype));
}

}  // namespace cajal::transcoder
