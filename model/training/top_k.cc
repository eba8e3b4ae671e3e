#include "model/training/top_k.h"

#include <algorithm>

#include "model/training/vector_loops.h"

namespace cajal::training {

void TopKSelector::Prune() {
  const auto end = candidates_.begin() + k_;
  if (end >= candidates_.end()) return;
  std::nth_element(candidates_.begin(), end - 1, candidates_.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.value != b.value ? a.value > b.value : a.index < b.index;
                   });
  candidates_.resize(static_cast<size_t>(k_));
}

void TopKSelector::Select(const float* x, const float* bias, int64_t n, float* values,
                          int64_t* indices) {
  // An entry that comes later must be strictly above the k-th best so far: it loses ties. Pruning
  // only now and then makes its cost vanish beside the scan's.
  const size_t prune_at = static_cast<size_t>(2 * k_ + kScanBlock);
  float threshold = 0;
  candidates_.clear();
  for (int64_t block = NextBlockAbove(x, bias, 0, n, threshold); block < n;
       block = NextBlockAbove(x, bias, block + kScanBlock, n, threshold)) {
    for (int64_t i = block; i < std::min(n, block + kScanBlock); ++i) {
      const float value = x[i] + bias[i];
      if (value > threshold) candidates_.push_back({value, i});
    }
    if (candidates_.size() >= prune_at) {
      Prune();
      threshold = candidates_.back().value;
    }
  }
  Prune();
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate& a, const Candidate& b) { return a.index < b.index; });
  for (size_t j = 0; j < static_cast<size_t>(k_); ++j) {
    const bool used = j < candidates_.size();
    values[j] = used ? candidates_[j].value : 0;
    indices[j] = used ? candidates_[j].index : 0;
  }
}

}  // namespace cajal::training
