// RMSNorm as Gemma 3 has it: float32 inside, the gain is (1 + weight), one rounding at the end.
#pragma once

#include <ATen/core/Tensor.h>

namespace cajal::gemma3 {

// 1 / sqrt(mean(x^2) + eps) over the last dimension, float32. x: [..., n]. Returns [..., 1].
at::Tensor InverseRms(const at::Tensor& x, double eps);

// x * InverseRms(x) * gain, in x's dtype. gain: [n], float32, (1 + weight).
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& gain, double eps);

}  // namespace cajal::gemma3
