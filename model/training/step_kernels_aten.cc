// The arithmetic of a step in plain ATen, for GPUs.
#include <ATen/ATen.h>

#include <algorithm>

#include "model/training/step_kernels.h"

namespace cajal::training {
namespace {

// Gathered decoder rows of a block of tokens may take so much memory.
constexpr int64_t kGatheredBytes = int64_t{1} << 30;

class AtenKernels : public StepKernels {
 public:
  void AddProduct(const at::Tensor& a, const at::Tensor& b, double beta, double alpha,
                  at::Tensor* out) const override {
    at::addmm_out(*out, *out, a, b, beta, alpha);
  }

  [[nodiscard]] SparseRows KeepLargest(const at::Tensor& product, const at::Tensor& bias,
                                       int64_t k) const override {
    auto [values, features] = at::topk(at::relu(product + bias), k, -1);
    return {std::move(values), std::move(features)};
  }

  [[nodiscard]] at::Tensor SubtractDecoded(const SparseRows& active, const at::Tensor& W_dec,
                                           at::Tensor* residual) const override {
    const int64_t d = W_dec.size(1);
    const int64_t row_bytes = active.k() * d * static_cast<int64_t>(sizeof(float));
    const int64_t block = std::max<int64_t>(1, kGatheredBytes / row_bytes);
    at::Tensor dots = at::empty_like(active.values);
    for (int64_t begin = 0; begin < active.n_rows(); begin += block) {
      const int64_t end = std::min(active.n_rows(), begin + block);
      const at::Tensor values = active.values.slice(0, begin, end);
      const at::Tensor rows = W_dec.index_select(0, active.features.slice(0, begin, end).flatten())
                                  .view({end - begin, active.k(), d});
      at::Tensor r = residual->slice(0, begin, end);
      r.sub_(at::bmm(values.unsqueeze(1), rows).squeeze(1));
      dots.slice(0, begin, end).copy_(at::bmm(rows, r.unsqueeze(2)).squeeze(2));
    }
    return dots;
  }

  void SumByFeature(const SparseRows& active, std::span<const FeatureSum> sums,
                    SumMode mode) const override {
    const double beta = mode == SumMode::kAdd ? 1 : 0;
    for (const FeatureSum& sum : sums) {
      // Zeros of unused slots leave every sum as it is, so the order of the scatter does not
      // matter.
      const at::Tensor weights = at::where(active.values.gt(0), sum.weights, 0).mul_(sum.scale);
      at::Tensor dense_weights = at::zeros({active.n_rows(), sum.rows.size(0)}, weights.options());
      dense_weights.scatter_add_(1, active.features, weights);
      at::Tensor rows = sum.rows;
      at::addmm_out(rows, rows, dense_weights.t(), sum.dense, beta, 1);
      if (!sum.weight_sums.defined()) continue;
      at::Tensor weight_sums = sum.weight_sums;
      weight_sums.mul_(beta).add_(dense_weights.sum(0));
    }
  }

  [[nodiscard]] at::Tensor CountByFeature(const SparseRows& active,
                                          int64_t n_features) const override {
    return at::zeros({n_features}, active.features.options())
        .scatter_add_(0, active.features.flatten(), active.values.gt(0).to(at::kLong).flatten());
  }

  [[nodiscard]] double SumOfSquares(const at::Tensor& tensor) const override {
    return tensor.to(at::kDouble).square_().sum().item<double>();
  }

  void ForRanges(int64_t n, int64_t,
                 const std::function<void(int64_t begin, int64_t end)>& body) const override {
    body(0, n);
  }
};

}  // namespace

std::unique_ptr<StepKernels> MakeAtenKernels() { return std::make_unique<AtenKernels>(); }

}  // namespace cajal::training
