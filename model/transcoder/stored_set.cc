#include "model/transcoder/stored_set.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "model/base/check.h"

namespace cajal::transcoder {
namespace {

using checkpoint::ElementType;

float FromHalf(uint16_t bits) {
  const bool negative = (bits & 0x8000) != 0;
  const int exponent = bits >> 10 & 0x1f;
  const int mantissa = bits & 0x3ff;
  float value = 0;
  if (exponent == 0x1f) {
    value = mantissa == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    value = std::ldexp(static_cast<float>(mantissa + 0x400), exponent - 25);
  }
  return negative ? -value : value;
}

}  // namespace

StoredMatrix Transposed(const StoredMatrix& matrix) {
  StoredMatrix transposed = matrix;
  std::swap(transposed.rows, transposed.columns);
  std::swap(transposed.row_stride, transposed.column_stride);
  return transposed;
}

float ElementAt(const std::byte* data, ElementType type) {
  if (type == ElementType::kF32) {
    float value = 0;
    std::memcpy(&value, data, sizeof(value));
    return value;
  }
  uint16_t bits = 0;
  std::memcpy(&bits, data, sizeof(bits));
  if (type == ElementType::kBF16) return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  CAJAL_CHECK(type == ElementType::kF16) << "not a type of weights";
  return FromHalf(bits);
}

bool IsZero(const StoredMatrix& matrix) {
  const int64_t size = checkpoint::ElementSize(matrix.type);
  for (int64_t row = 0; row < matrix.rows; ++row) {
    const std::byte* at = matrix.data + row * matrix.row_stride * size;
    for (int64_t column = 0; column < matrix.columns; ++column) {
      if (ElementAt(at, matrix.type) != 0) return false;
      at += matrix.column_stride * size;
    }
  }
  return true;
}

}  // namespace cajal::transcoder
