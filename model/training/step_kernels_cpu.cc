// The arithmetic of a step on the CPU: tiles and rows that fit the caches, shared among threads.
#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "model/base/check.h"
#include "model/training/parallel_for.h"
#include "model/training/step_kernels.h"
#include "model/training/top_k.h"
#include "model/training/vector_loops.h"

namespace cajal::training {
namespace {

// Tiles of a product, rows and columns: two of their operands fit the caches beside each other.
constexpr int64_t kTileRows = 256;
constexpr int64_t kTileColumns = 512;
// Ranges that a thread takes at a time: long enough to hide the taking, short enough to share well.
constexpr int64_t kTokensAtATime = 16;
constexpr int64_t kFeaturesAtATime = 64;
constexpr int64_t kValuesAtATime = 1 << 16;

// Whether loops may walk the tensor through a plain pointer.
bool IsPlain(const at::Tensor& tensor, at::ScalarType type) {
  return tensor.is_cpu() && tensor.is_contiguous() && tensor.scalar_type() == type;
}

// The used slots of a SparseRows, grouped by feature; ascending by token within a feature.
struct SlotsByFeature {
  std::vector<int64_t> begin;  // [n_features + 1]
  std::vector<int64_t> slots;  // token * k + j

  [[nodiscard]] std::span<const int64_t> Of(int64_t feature) const {
    const int64_t* first = slots.data() + begin[static_cast<size_t>(feature)];
    return {first, slots.data() + begin[static_cast<size_t>(feature) + 1]};
  }
};

SlotsByFeature GroupByFeature(const SparseRows& active, int64_t n_features) {
  const float* values = active.values.const_data_ptr<float>();
  const int64_t* features = active.features.const_data_ptr<int64_t>();
  const int64_t n_slots = active.values.numel();
  SlotsByFeature result;
  result.begin.assign(static_cast<size_t>(n_features) + 1, 0);
  for (int64_t slot = 0; slot < n_slots; ++slot) {
    if (values[slot] > 0) ++result.begin[static_cast<size_t>(features[slot]) + 1];
  }
  std::partial_sum(result.begin.begin(), result.begin.end(), result.begin.begin());
  result.slots.resize(static_cast<size_t>(result.begin.back()));
  std::vector<int64_t> next(result.begin.begin(), result.begin.end() - 1);
  for (int64_t slot = 0; slot < n_slots; ++slot) {
    if (values[slot] > 0) {
      result.slots[static_cast<size_t>(next[static_cast<size_t>(features[slot])]++)] = slot;
    }
  }
  return result;
}

void SumOneFeature(const FeatureSum& sum, int64_t k, int64_t feature,
                   std::span<const int64_t> slots, SumMode mode) {
  const int64_t d = sum.rows.size(1);
  const float* weights = sum.weights.const_data_ptr<float>();
  const float* dense = sum.dense.const_data_ptr<float>();
  float* row = sum.rows.mutable_data_ptr<float>() + feature * d;
  if (mode == SumMode::kOverwrite) std::fill(row, row + d, 0.0f);
  float weight_sum = 0;
  for (const int64_t slot : slots) {
    const float weight = weights[slot] * static_cast<float>(sum.scale);
    AddScaled(row, dense + slot / k * d, weight, d);
    weight_sum += weight;
  }
  if (!sum.weight_sums.defined()) return;
  float& result = sum.weight_sums.mutable_data_ptr<float>()[feature];
  result = mode == SumMode::kOverwrite ? weight_sum : result + weight_sum;
}

class CpuKernels : public StepKernels {
 public:
  void AddProduct(const at::Tensor& a, const at::Tensor& b, double beta, double alpha,
                  at::Tensor* out) const override {
    const int64_t n_row_tiles = (out->size(0) + kTileRows - 1) / kTileRows;
    const int64_t n_column_tiles = (out->size(1) + kTileColumns - 1) / kTileColumns;
    // Neighbouring tiles share their columns of b, which are the larger part of what is read.
    ParallelFor(&workers_, n_row_tiles * n_column_tiles, 1, [&](int64_t tile, int64_t) {
      const int64_t row = tile % n_row_tiles * kTileRows;
      const int64_t column = tile / n_row_tiles * kTileColumns;
      at::Tensor part = out->slice(0, row, row + kTileRows).slice(1, column, column + kTileColumns);
      at::addmm_out(part, part, a.slice(0, row, row + kTileRows),
                    b.slice(1, column, column + kTileColumns), beta, alpha);
    });
  }

  [[nodiscard]] SparseRows KeepLargest(const at::Tensor& product, const at::Tensor& bias,
                                       int64_t k) const override {
    CAJAL_CHECK(IsPlain(product, at::kFloat) && IsPlain(bias, at::kFloat));
    const int64_t n_rows = product.size(0);
    const int64_t n = product.size(1);
    CAJAL_CHECK(k <= n);
    SparseRows result{at::empty({n_rows, k}, at::kFloat), at::empty({n_rows, k}, at::kLong)};
    const float* x = product.const_data_ptr<float>();
    const float* b = bias.const_data_ptr<float>();
    float* values = result.values.mutable_data_ptr<float>();
    int64_t* features = result.features.mutable_data_ptr<int64_t>();
    ParallelFor(&workers_, n_rows, kTokensAtATime, [&](int64_t begin, int64_t end) {
      TopKSelector selector(k);
      for (int64_t t = begin; t < end; ++t) {
        selector.Select(x + t * n, b, n, values + t * k, features + t * k);
      }
    });
    return result;
  }

  [[nodiscard]] at::Tensor SubtractDecoded(const SparseRows& active, const at::Tensor& W_dec,
                                           at::Tensor* residual) const override {
    CAJAL_CHECK(IsPlain(W_dec, at::kFloat) && IsPlain(*residual, at::kFloat));
    const int64_t d = W_dec.size(1);
    const int64_t k = active.k();
    at::Tensor dots = at::zeros_like(active.values);
    const float* values = active.values.const_data_ptr<float>();
    const int64_t* features = active.features.const_data_ptr<int64_t>();
    const float* rows = W_dec.const_data_ptr<float>();
    float* r = residual->mutable_data_ptr<float>();
    float* products = dots.mutable_data_ptr<float>();
    ParallelFor(&workers_, active.n_rows(), kTokensAtATime, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t slot = t * k; slot < (t + 1) * k; ++slot) {
          if (values[slot] > 0) AddScaled(r + t * d, rows + features[slot] * d, -values[slot], d);
        }
        for (int64_t slot = t * k; slot < (t + 1) * k; ++slot) {
          if (values[slot] > 0) products[slot] = Dot(r + t * d, rows + features[slot] * d, d);
        }
      }
    });
    return dots;
  }

  void SumByFeature(const SparseRows& active, std::span<const FeatureSum> sums,
                    SumMode mode) const override {
    const int64_t n_features = sums.front().rows.size(0);
    for (const FeatureSum& sum : sums) {
      CAJAL_CHECK(IsPlain(sum.weights, at::kFloat) && IsPlain(sum.dense, at::kFloat) &&
                  IsPlain(sum.rows, at::kFloat) && sum.rows.size(0) == n_features);
    }
    const SlotsByFeature grouped = GroupByFeature(active, n_features);
    for (const FeatureSum& sum : sums) {
      ParallelFor(&workers_, n_features, kFeaturesAtATime, [&](int64_t begin, int64_t end) {
        for (int64_t f = begin; f < end; ++f) {
          SumOneFeature(sum, active.k(), f, grouped.Of(f), mode);
        }
      });
    }
  }

  [[nodiscard]] at::Tensor CountByFeature(const SparseRows& active,
                                          int64_t n_features) const override {
    at::Tensor counts = at::zeros({n_features}, at::kLong);
    const float* values = active.values.const_data_ptr<float>();
    const int64_t* features = active.features.const_data_ptr<int64_t>();
    int64_t* count = counts.mutable_data_ptr<int64_t>();
    for (int64_t slot = 0; slot < active.values.numel(); ++slot) {
      if (values[slot] > 0) ++count[features[slot]];
    }
    return counts;
  }

  [[nodiscard]] double SumOfSquares(const at::Tensor& tensor) const override {
    CAJAL_CHECK(IsPlain(tensor, at::kFloat));
    const float* data = tensor.const_data_ptr<float>();
    const int64_t n = tensor.numel();
    std::vector<double> sums(static_cast<size_t>((n + kValuesAtATime - 1) / kValuesAtATime));
    ParallelFor(&workers_, n, kValuesAtATime, [&](int64_t begin, int64_t end) {
      double sum = 0;
      // Short enough that float32 partial sums lose nothing that matters.
      constexpr int64_t kDotLength = 4096;
      for (int64_t i = begin; i < end; i += kDotLength) {
        sum += static_cast<double>(Dot(data + i, data + i, std::min(kDotLength, end - i)));
      }
      sums[static_cast<size_t>(begin / kValuesAtATime)] = sum;
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
  }

  void ForRanges(int64_t n, int64_t grain,
                 const std::function<void(int64_t begin, int64_t end)>& body) const override {
    ParallelFor(&workers_, n, grain, body);
  }

 private:
  mutable attribution::SweepWorkers workers_;
};

}  // namespace

std::unique_ptr<StepKernels> MakeCpuKernels() { return std::make_unique<CpuKernels>(); }

}  // namespace cajal::training
