#include "model/training/vector_loops.h"

#include <algorithm>

// Without a fused multiply-add among the targets (and with -ffp-contract=off, which ISO C++ mode
// implies) all versions of a function compute the same.
#if defined(__x86_64__)
#define CAJAL_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CAJAL_VECTORISED
#endif

namespace cajal::training {
namespace {

constexpr int64_t kLanes = 32;

}  // namespace

CAJAL_VECTORISED void AddScaled(float* __restrict y, const float* __restrict x, float a,
                                int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}

CAJAL_VECTORISED float Dot(const float* __restrict x, const float* __restrict y, int64_t n) {
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) lanes[j] += x[i + j] * y[i + j];
  }
  for (int64_t j = 0; i + j < n; ++j) lanes[j] += x[i + j] * y[i + j];
  for (int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (int64_t j = 0; j < width; ++j) lanes[j] += lanes[j + width];
  }
  return lanes[0];
}

CAJAL_VECTORISED int64_t NextBlockAbove(const float* __restrict x, const float* __restrict bias,
                                        int64_t begin, int64_t n, float threshold) {
  int64_t i = begin;
  for (; i + kScanBlock <= n; i += kScanBlock) {
    int any = 0;
    for (int64_t j = 0; j < kScanBlock; ++j) any |= x[i + j] + bias[i + j] > threshold ? 1 : 0;
    if (any != 0) return i;
  }
  for (int64_t j = i; j < n; ++j) {
    if (x[j] + bias[j] > threshold) return i;
  }
  return n;
}

}  // namespace cajal::training
