// The heavy arithmetic of a training step.
//
// Two implementations give the same values. The CPU's shares all work among threads of its own in
// pieces whose size does not depend on their number, each summed in a fixed order by one thread:
// the same bytes come out on any number of threads. It leaves torch's own threads alone, because
// those go on spinning for milliseconds after each operation, on the cores that the next one needs.
// The other implementation is plain ATen, for GPUs; sums over features are dense products there,
// which a GPU makes faster than gathers, and in a fixed order.
//
// A StepKernels belongs to one thread at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace cajal::training {

// The active features of each token, k slots a row. A slot of value 0 is unused; its feature is
// then some permitted index.
struct SparseRows {
  at::Tensor values;    // [tokens, k], float32, at least 0
  at::Tensor features;  // [tokens, k], int64

  [[nodiscard]] int64_t n_rows() const { return values.size(0); }
  [[nodiscard]] int64_t k() const { return values.size(1); }
};

// A sum to be made for every feature f over the tokens t where it is active, in slot j:
//   rows[f] = scale * sum of weights[t, j] * dense[t]      weight_sums[f] = scale * sum of weights
struct FeatureSum {
  at::Tensor weights;  // [tokens, k]; those of unused slots are not read
  at::Tensor dense;    // [tokens, d], contiguous
  double scale = 1;
  at::Tensor rows;         // [n_features, d], contiguous: the result
  at::Tensor weight_sums;  // [n_features], or undefined if not wanted
};

enum class SumMode { kOverwrite, kAdd };

class StepKernels {
 public:
  virtual ~StepKernels() = default;

  // *out = beta * *out + alpha * a @ b. With beta 0 the content of *out does not matter.
  virtual void AddProduct(const at::Tensor& a, const at::Tensor& b, double beta, double alpha,
                          at::Tensor* out) const = 0;

  // The k largest of ReLU(product + bias) in each row; fewer where fewer are positive. On the CPU
  // equal values go to the lower feature, and slots ascend by feature; elsewhere ties are torch's.
  // product: [tokens, n]; bias: [n]; k <= n.
  [[nodiscard]] virtual SparseRows KeepLargest(const at::Tensor& product, const at::Tensor& bias,
                                               int64_t k) const = 0;

  // residual[t] -= sum over slots of value * W_dec[feature]. Returns [tokens, k]: the inner
  // products of the new residual[t] with W_dec[feature]. Both in one pass over the rows of W_dec.
  [[nodiscard]] virtual at::Tensor SubtractDecoded(const SparseRows& active,
                                                   const at::Tensor& W_dec,
                                                   at::Tensor* residual) const = 0;

  // Makes all `sums` over the same active features.
  virtual void SumByFeature(const SparseRows& active, std::span<const FeatureSum> sums,
                            SumMode mode) const = 0;

  // At how many tokens each feature is active: [n_features] int64.
  [[nodiscard]] virtual at::Tensor CountByFeature(const SparseRows& active,
                                                  int64_t n_features) const = 0;

  // In double precision.
  [[nodiscard]] virtual double SumOfSquares(const at::Tensor& tensor) const = 0;

  // For what is computed piece by piece: calls body(begin, end) for ranges that cover [0, n). On
  // the CPU they are of `grain` each, the last one shorter, and run side by side with torch on one
  // thread; elsewhere there is one range.
  virtual void ForRanges(int64_t n, int64_t grain,
                         const std::function<void(int64_t begin, int64_t end)>& body) const = 0;
};

// The CPU's kernels for a CPU, with as many threads as torch has been told to use; ATen's for any
// other device.
std::unique_ptr<StepKernels> MakeStepKernels(const at::Device& device);

// Each by itself, for tests that compare them.
std::unique_ptr<StepKernels> MakeCpuKernels();
std::unique_ptr<StepKernels> MakeAtenKernels();

}  // namespace cajal::training
