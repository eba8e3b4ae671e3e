// Which score cuts a list so that what stays holds a wanted fraction of the total
// (circuit-tracer: find_threshold).
//
// Sort the scores in descending order and add them up: the answer is the first score at which the
// running sum reaches `fraction` of the total, and never a zero, so that >= keeps no score of zero.
// A fraction of 1 keeps every score above zero, whatever rounding does to the sums. 0 when no score
// is above zero.
//
// Runs in linear time: a radix select that adds up weights, no sort.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace cajal::graph {

// scores: finite, >= 0. fraction: [0, 1].
double ScoreThreshold(const std::vector<double>& scores, double fraction);

// The same for scores that are too many to be held: 130 million edges. They are gone through twice,
// in any order, and only those near the answer are kept.
//
//   ScoreSelection selection(0.98);
//   for (…) selection.Count(score);
//   selection.Narrow();
//   for (…) selection.Collect(score);
//   selection.Threshold();
//
// One thread.
class ScoreSelection {
 public:
  explicit ScoreSelection(double fraction) : fraction_(fraction), sums_(kBuckets, 0.0) {}

  // First pass. score: finite, >= 0.
  void Count(double score) {
    total_ += score;
    sums_[Bucket(score)] += score;
  }
  // Between the passes.
  void Narrow();
  // Second pass, with the same scores.
  void Collect(double score) {
    if (Bucket(score) == chosen_ && score > 0) collected_.push_back(score);
  }
  // At the end; once.
  double Threshold();

 private:
  // The highest 16 bits: the bits of a positive double order as its value does, and a bucket is a
  // sixteenth of an octave.
  static constexpr int kBuckets = 1 << 16;
  static int Bucket(double score) { return static_cast<int>(std::bit_cast<uint64_t>(score) >> 48); }

  const double fraction_;
  double total_ = 0;
  std::vector<double> sums_;  // [kBuckets]
  int chosen_ = -1;           // the bucket of the answer
  double wanted_ = 0;         // what the sum must still reach in it
  std::vector<double> collected_;
};

}  // namespace cajal::graph
