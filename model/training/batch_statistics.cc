#include "model/training/batch_statistics.h"

#include <ATen/ATen.h>

#include <numeric>
#include <vector>

namespace cajal::training {
namespace {

constexpr int64_t kTokensAtATime = 256;

int64_t NumberOfRanges(const at::Tensor& values) {
  return (values.size(0) + kTokensAtATime - 1) / kTokensAtATime;
}

}  // namespace

at::Tensor ColumnSums(const at::Tensor& values, const StepKernels& kernels) {
  const at::Tensor sums = at::zeros({NumberOfRanges(values), values.size(1)}, values.options());
  kernels.ForRanges(values.size(0), kTokensAtATime, [&](int64_t begin, int64_t end) {
    at::Tensor sum = sums[begin / kTokensAtATime];
    at::sum_out(sum, values.slice(0, begin, end), 0);
  });
  at::Tensor total = at::zeros({values.size(1)}, values.options());
  for (int64_t i = 0; i < sums.size(0); ++i) total.add_(sums[i]);
  return total;
}

at::Tensor ColumnMeans(const at::Tensor& values, const StepKernels& kernels) {
  return ColumnSums(values, kernels).div_(values.size(0));
}

double TotalVariance(const at::Tensor& values, const StepKernels& kernels) {
  const at::Tensor means = ColumnMeans(values, kernels);
  std::vector<double> sums(static_cast<size_t>(NumberOfRanges(values)));
  kernels.ForRanges(values.size(0), kTokensAtATime, [&](int64_t begin, int64_t end) {
    sums[static_cast<size_t>(begin / kTokensAtATime)] =
        (values.slice(0, begin, end) - means).square_().sum().item<double>();
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace cajal::training
