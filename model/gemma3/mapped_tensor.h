// Tensors of a mapped file on the device.
#pragma once

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "model/checkpoint/safetensors.h"
#include "model/gemma3/device.h"

namespace cajal::gemma3 {

// A tensor over the mapped bytes themselves when device, dtype and alignment allow it (it then
// keeps the mapping alive), else a converted copy. Integer files give integer tensors;
// `placement.dtype` is for floating point. INVALID_ARGUMENT when a value is NaN or infinite; the
// message names the tensor.
absl::StatusOr<at::Tensor> MapTensor(const checkpoint::TensorView& view,
                                     const Placement& placement);

// The values as they lie in the file, without a copy if aligned, unchecked, on the CPU.
at::Tensor ViewAsFileTensor(const checkpoint::TensorView& view);

}  // namespace cajal::gemma3
