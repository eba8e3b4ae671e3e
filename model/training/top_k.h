// The k largest positive entries of one row.
#pragma once

#include <cstdint>
#include <vector>

namespace cajal::training {

// Keeps its memory from row to row, so one thread uses one object for many rows.
class TopKSelector {
 public:
  explicit TopKSelector(int64_t k) : k_(k) {}

  // Of x[i] + bias[i], i < n: writes the min(k, number of positive ones) largest to `values`, and
  // their i, ascending, to `indices`; of equal values the lower index wins. The other slots up to
  // k become value 0, index 0.
  void Select(const float* x, const float* bias, int64_t n, float* values, int64_t* indices);

 private:
  struct Candidate {
    float value;
    int64_t index;
  };
  // Drops all but the k best candidates.
  void Prune();

  int64_t k_;
  std::vector<Candidate> candidates_;
};

}  // namespace cajal::training
