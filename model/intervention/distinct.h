// The distinct ones of many indices, so that what belongs to an index is fetched once.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace cajal::intervention {

struct Distinct {
  explicit Distinct(const std::vector<int64_t>& indices);

  // rows: of each distinct index one, [n_distinct, …]. Returns of each index one, [n, …]: the same
  // tensor when all indices differ.
  [[nodiscard]] at::Tensor Spread(const at::Tensor& rows) const;

  std::vector<int64_t> values;  // in the order in which they first come
  std::vector<int64_t> which;   // of each index its place among the values
};

}  // namespace cajal::intervention
