#include "model/intervention/distinct.h"

#include <ATen/ATen.h>

#include "absl/container/flat_hash_map.h"
#include "model/gemma3/host_to_device.h"

namespace cajal::intervention {

Distinct::Distinct(const std::vector<int64_t>& indices) {
  which.reserve(indices.size());
  absl::flat_hash_map<int64_t, int64_t> places;
  for (const int64_t index : indices) {
    const auto [place, is_new] = places.try_emplace(index, std::ssize(values));
    if (is_new) values.push_back(index);
    which.push_back(place->second);
  }
}

at::Tensor Distinct::Spread(const at::Tensor& rows) const {
  if (values.size() == which.size()) return rows;
  return rows.index_select(0, gemma3::ToDevice(which, rows.device()));
}

}  // namespace cajal::intervention
