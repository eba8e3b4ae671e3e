// Loops over contiguous floats, compiled for several instruction sets; the machine's best is taken.
// Products and sums are rounded one by one, in an order that the instruction set does not change,
// so every machine gives the same bits.
#pragma once

#include <cstdint>

namespace cajal::training {

// y[i] += a * x[i]
void AddScaled(float* y, const float* x, float a, int64_t n);

// Sum of x[i] * y[i]: 32 partial sums, then their sum.
float Dot(const float* x, const float* y, int64_t n);

// x and bias have n entries. The first multiple of kScanBlock at or after `begin`, itself such a
// multiple, whose block holds an x[i] + bias[i] above `threshold`; n or more when there is none.
inline constexpr int64_t kScanBlock = 32;
int64_t NextBlockAbove(const float* x, const float* bias, int64_t begin, int64_t n,
                       float threshold);

}  // namespace cajal::training
