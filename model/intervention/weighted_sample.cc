#include "model/intervention/weighted_sample.h"

#include <algorithm>
#include <cmath>

namespace cajal::intervention {

bool WeightedSample::IsBefore(const Entry& a, const Entry& b) {
  return a.key != b.key ? a.key > b.key : a.item < b.item;
}

double WeightedSample::KeyOf(double weight) {
  if (by_ == SampleBy::kLargest) return weight;
  // 53 random bits, centred in their cells: never 0 or 1. The standard's distributions are not the
  // same everywhere.
  const double u = (static_cast<double>(random_() >> 11) + 0.5) * 0x1p-53;
  return by_ == SampleBy::kUniform ? u : std::log(u) / weight;
}

void WeightedSample::Offer(int64_t item, double weight) {
  if (!(weight > 0) || n_ == 0) return;
  const Entry entry{KeyOf(weight), item};
  if (std::ssize(heap_) == n_) {
    if (!IsBefore(entry, heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end(), IsBefore);
    heap_.pop_back();
  }
  heap_.push_back(entry);
  std::push_heap(heap_.begin(), heap_.end(), IsBefore);
}

std::vector<int64_t> WeightedSample::Items() const {
  std::vector<int64_t> items;
  for (const Entry& entry : heap_) items.push_back(entry.item);
  std::sort(items.begin(), items.end());
  return items;
}

}  // namespace cajal::intervention
