// A sample without replacement from a stream of weighted items, in one pass.
//
// Proportional sampling is Efraimidis and Spirakis' (2006): each item draws u from (0, 1) and has
// the key ln(u) / weight; the largest keys win. The same seed and stream give the same sample on
// every machine. No torch; one thread.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace cajal::intervention {

enum class SampleBy {
  kWeight,   // in proportion to the weights
  kUniform,  // each alike
  kLargest,  // no chance: the largest weights
};

class WeightedSample {
 public:
  // Of at most n items.
  WeightedSample(int64_t n, SampleBy by, uint64_t seed) : n_(n), by_(by), random_(seed) {}

  // weight: >= 0; items of weight 0 are never taken.
  void Offer(int64_t item, double weight);

  // The items taken, ascending.
  [[nodiscard]] std::vector<int64_t> Items() const;

 private:
  struct Entry {
    double key = 0;
    int64_t item = 0;
  };
  // Whether `a` is taken before `b`; ties go to the smaller item.
  static bool IsBefore(const Entry& a, const Entry& b);
  [[nodiscard]] double KeyOf(double weight);

  const int64_t n_;
  const SampleBy by_;
  std::mt19937_64 random_;
  std::vector<Entry> heap_;  // the last one of those taken on top
};

}  // namespace cajal::intervention
