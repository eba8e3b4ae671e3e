#include "model/gemma3/rope.h"

#include <ATen/ATen.h>

namespace cajal::gemma3 {

RopeTable MakeRopeTable(const checkpoint::RopeConfig& config, int64_t begin, int64_t end,
                        int64_t head_dim, const Placement& placement) {
  const at::Tensor exponent = at::arange(0, head_dim, 2, at::kLong).to(at::kFloat) / head_dim;
  const at::Tensor inv_freq = at::pow(config.theta, exponent).reciprocal() / config.factor;
  const at::Tensor position = at::arange(begin, end, at::kFloat);
  const at::Tensor half = at::outer(position, inv_freq);
  const at::Tensor angle = at::cat({half, half}, -1);
  return {angle.cos().to(placement.device, placement.dtype),
          angle.sin().to(placement.device, placement.dtype)};
}

at::Tensor ApplyRope(const at::Tensor& x, const RopeTable& table) {
  const auto halves = x.chunk(2, -1);
  const at::Tensor rotated = at::cat({-halves[1], halves[0]}, -1);
  return x * table.cos + rotated * table.sin;
}

}  // namespace cajal::gemma3
