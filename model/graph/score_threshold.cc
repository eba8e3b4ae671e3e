#include "model/graph/score_threshold.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <numeric>

namespace cajal::graph {
namespace {

constexpr int kDigitBits = 16;
constexpr int kBuckets = 1 << kDigitBits;

// The bits of a positive double order as its value does.
int Digit(double score, int shift) {
  return static_cast<int>((std::bit_cast<uint64_t>(score) >> shift) & (kBuckets - 1));
}

}  // namespace

double ScoreThreshold(std::vector<double> scores, double fraction) {
  std::erase_if(scores, [](double score) { return score <= 0; });
  if (scores.empty()) return 0;
  const double total = std::accumulate(scores.begin(), scores.end(), 0.0);
  double wanted = fraction < 1 ? fraction * total : std::numeric_limits<double>::infinity();

  // From the highest digit to the lowest: find the bucket in which the running sum reaches `wanted`
  // and go on with its scores alone. After the lowest digit they are all equal.
  std::vector<double> sums(kBuckets);
  std::vector<uint8_t> used(kBuckets);
  for (int shift = 64 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(used.begin(), used.end(), 0);
    for (double score : scores) {
      sums[Digit(score, shift)] += score;
      used[Digit(score, shift)] = 1;
    }
    int chosen = -1;
    for (int bucket = kBuckets - 1; bucket >= 0; --bucket) {
      if (!used[bucket]) continue;
      if (chosen >= 0) wanted -= sums[chosen];
      chosen = bucket;
      if (sums[bucket] >= wanted) break;
    }
    std::erase_if(scores, [=](double score) { return Digit(score, shift) != chosen; });
  }
  return scores.front();
}

}  // namespace cajal::graph
