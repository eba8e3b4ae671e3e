#include "model/gemma3/mapped_tensor.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>

#include "model/base/check.h"
#include "model/base/status.h"

namespace cajal::gemma3 {
namespace {

using checkpoint::ElementType;

at::ScalarType ScalarTypeOf(ElementType type) {
  switch (type) {
    case ElementType::kBool:
      return at::kBool;
    case ElementType::kU8:
      return at::kByte;
    case ElementType::kI8:
      return at::kChar;
    case ElementType::kI16:
      return at::kShort;
    case ElementType::kF16:
      return at::kHalf;
    case ElementType::kBF16:
      return at::kBFloat16;
    case ElementType::kI32:
      return at::kInt;
    case ElementType::kF32:
      return at::kFloat;
    case ElementType::kF64:
      return at::kDouble;
    case ElementType::kI64:
      return at::kLong;
    case ElementType::kU16:
    case ElementType::kU32:
    case ElementType::kU64:
      break;
  }
  CAJAL_CHECK(false) << "unsigned " << checkpoint::ElementName(type) << " weights";
  return at::kFloat;
}

// One pass without a temporary of the tensor's size: NaN propagates through min and max.
bool AllFinite(const at::Tensor& tensor) {
  if (tensor.numel() == 0 || !tensor.is_floating_point()) return true;
  const auto [low, high] = at::aminmax(tensor);
  return std::isfinite(low.item<double>()) && std::isfinite(high.item<double>());
}

}  // namespace

at::Tensor ViewAsFileTensor(const checkpoint::TensorView& view) {
  const auto options = at::TensorOptions().dtype(ScalarTypeOf(view.type));
  if (view.is_aligned()) {
    // The deleter's capture holds the mapping. Nobody writes through this pointer: the mapping is
    // read-only.
    return at::from_blob(
        const_cast<std::byte*>(view.data), view.shape, [mapping = view.mapping](void*) {}, options);
  }
  at::Tensor copy = at::empty(view.shape, options);
  std::memcpy(copy.data_ptr(), view.data, static_cast<size_t>(view.size_bytes));
  return copy;
}

absl::StatusOr<at::Tensor> MapTensor(const checkpoint::TensorView& view,
                                     const Placement& placement) {
  at::Tensor tensor = ViewAsFileTensor(view);
  if (!AllFinite(tensor)) {
    return absl::InvalidArgumentError("tensor " + view.name + " holds NaN or infinite values");
  }
  return tensor.is_floating_point() ? tensor.to(placement.device, placement.dtype)
                                    : tensor.to(placement.device);
}

}  // namespace cajal::gemma3
