#include "model/corpus/permutation.h"

#include <cstddef>
#include <numeric>
#include <utility>

namespace cajal::corpus {
namespace {

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t state) : state_(state) {}

  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // 0 … n-1 each equally often: the few values at the end that would favour small results are
  // drawn again.
  uint64_t Below(uint64_t n) {
    const uint64_t unfair = (0 - n) % n;  // 2^64 mod n
    uint64_t value = Next();
    while (value < unfair) value = Next();
    return value % n;
  }

 private:
  uint64_t state_;
};

}  // namespace

std::vector<int64_t> SeededPermutation(int64_t n, uint64_t seed, uint64_t number) {
  // Two steps, so that neighbouring seeds and numbers give states that have nothing in common.
  SplitMix64 random(SplitMix64(SplitMix64(seed).Next() ^ number).Next());
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  return order;
}

}  // namespace cajal::corpus
