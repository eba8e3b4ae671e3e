// What the model says of the next token: the logits of one position. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace cajal::generation {

// Orders token ids by descending logit, equals by ascending id.
struct MoreProbable {
  std::span<const float> logits;  // [vocab]

  bool operator()(int64_t a, int64_t b) const {
    const float of_a = logits[static_cast<size_t>(a)];
    const float of_b = logits[static_cast<size_t>(b)];
    return of_a > of_b || (of_a == of_b && a < b);
  }
};

class NextTokens {
 public:
  // logits: [vocab]; must outlive this.
  explicit NextTokens(std::span<const float> logits);

  [[nodiscard]] float LogitOf(int64_t id) const { return logits_[static_cast<size_t>(id)]; }
  // Softmax over the whole vocabulary.
  [[nodiscard]] float ProbabilityOf(int64_t id) const;
  // The ids of the n most probable ones, most probable first.
  [[nodiscard]] std::vector<int64_t> Top(int32_t n) const;

 private:
  std::span<const float> logits_;
  double log_sum_;  // natural logarithm of the sum of the exponentials
};

}  // namespace cajal::generation
