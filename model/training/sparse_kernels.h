// The sparse arithmetic of a training step: what is cheaper than a dense product because only k of
// n features are active per token.
//
// Two implementations give the same sums. On the CPU: loops over rows that fit the caches, shared
// among worker threads so that each row and each feature is summed by one thread in a fixed order;
// results do not depend on the number of threads. Elsewhere: plain ATen, where the sums over
// features are dense products, which a GPU makes faster than gathers and in a fixed order.
//
// A SparseKernels belongs to one thread at a time.
#pragma once

#include <ATen/core/Tensor.h>

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

class SparseKernels {
 public:
  virtual ~SparseKernels() = default;

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

  // In double precision.
  [[nodiscard]] virtual double SumOfSquares(const at::Tensor& tensor) const = 0;
};

// The CPU's kernels for a CPU, with as many worker threads as torch has been told to use; ATen's
// for any other device.
std::unique_ptr<SparseKernels> MakeSparseKernels(const at::Device& device);

// Each by itself, for tests that compare them.
std::unique_ptr<SparseKernels> MakeCpuKernels();
std::unique_ptr<SparseKernels> MakeAtenKernels();

}  // namespace cajal::training
