#include "model/gemma3/norm.h"

#include <ATen/ATen.h>

namespace cajal::gemma3 {

at::Tensor InverseRms(const at::Tensor& x, double eps) {
  return at::rsqrt(x.to(at::kFloat).square().mean(-1, /*keepdim=*/true) + eps);
}

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& gain, double eps) {
  return (x.to(at::kFloat) * InverseRms(x, eps) * gain).to(x.scalar_type());
}

}  // namespace cajal::gemma3
