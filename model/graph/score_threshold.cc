#include "model/graph/score_threshold.h"

#include <algorithm>
#include <limits>

namespace cajal::graph {
namespace {

constexpr int kDigitBits = 16;
constexpr int kDigits = 1 << kDigitBits;

int Digit(double score, int shift) {
  return static_cast<int>((std::bit_cast<uint64_t>(score) >> shift) & (kDigits - 1));
}

// From the highest bucket down: the one in which the running sum reaches *wanted, which becomes
// what it must still reach there. The lowest bucket that has anything, if rounding leaves the sum
// short; -1 when none has.
int BucketThatReaches(const std::vector<double>& sums, double* wanted) {
  int chosen = -1;
  for (int bucket = static_cast<int>(sums.size()) - 1; bucket >= 0; --bucket) {
    if (sums[bucket] == 0) continue;
    if (chosen >= 0) *wanted -= sums[chosen];
    chosen = bucket;
    if (sums[bucket] >= *wanted) break;
  }
  return chosen;
}

}  // namespace

void ScoreSelection::Narrow() {
  wanted_ = fraction_ < 1 ? fraction_ * total_ : std::numeric_limits<double>::infinity();
  chosen_ = BucketThatReaches(sums_, &wanted_);
}

double ScoreSelection::Threshold() {
  if (collected_.empty()) return 0;
  // Digit by digit among the scores that agree in all before; after the lowest they are all equal.
  for (int shift = 64 - 2 * kDigitBits; shift >= 0; shift -= kDigitBits) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    for (double score : collected_) sums_[Digit(score, shift)] += score;
    const int chosen = BucketThatReaches(sums_, &wanted_);
    std::erase_if(collected_, [=](double score) { return Digit(score, shift) != chosen; });
  }
  return collected_.front();
}

double ScoreThreshold(const std::vector<double>& scores, double fraction) {
  ScoreSelection selection(fraction);
  for (double score : scores) selection.Count(score);
  selection.Narrow();
  for (double score : scores) selection.Collect(score);
  return selection.Threshold();
}

}  // namespace cajal::graph
