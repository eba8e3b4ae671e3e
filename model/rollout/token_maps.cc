#include "model/rollout/token_maps.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "model/base/check.h"
#include "model/gemma3/host_to_device.h"

namespace cajal::rollout {

at::Tensor PoolRows(const at::Tensor& matrix, int64_t tokens_per_side, Pooling pooling) {
  const int64_t patches = matrix.size(1);
  const auto per_side = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(patches))));
  CAJAL_CHECK(per_side * per_side == patches && per_side % tokens_per_side == 0);
  const int64_t block = per_side / tokens_per_side;
  const at::Tensor squares = matrix.view({tokens_per_side, block, tokens_per_side, block, patches});
  const at::Tensor pooled =
      pooling == Pooling::kMax ? squares.amax({1, 3}) : squares.mean(at::IntArrayRef{1, 3});
  return pooled.reshape({tokens_per_side * tokens_per_side, patches});
}

at::Tensor WeightedMean(const at::Tensor& maps, std::span<const double> weights) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  CAJAL_CHECK(sum > 0 && std::ssize(weights) == maps.size(0));
  const at::Tensor w = at::tensor(std::vector<double>(weights.begin(), weights.end()), at::kDouble);
  const at::Tensor mean =
      at::matmul(gemma3::ToDevice(w / sum, maps.device()), maps.to(at::kDouble));
  return mean.to(at::kFloat);
}

}  // namespace cajal::rollout
