#include "model/generation/next_tokens.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cajal::generation {
namespace {

double LogSum(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  const double sum =
      std::accumulate(logits.begin(), logits.end(), 0.0, [largest](double total, float logit) {
        return total + std::exp(static_cast<double>(logit) - largest);
      });
  return largest + std::log(sum);
}

}  // namespace

NextTokens::NextTokens(std::span<const float> logits) : logits_(logits), log_sum_(LogSum(logits)) {}

float NextTokens::ProbabilityOf(int64_t id) const {
  return static_cast<float>(std::exp(static_cast<double>(LogitOf(id)) - log_sum_));
}

std::vector<int64_t> NextTokens::Top(int32_t n) const {
  std::vector<int64_t> ids(logits_.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto end = ids.begin() + std::min<std::ptrdiff_t>(n, std::ssize(ids));
  std::partial_sort(ids.begin(), end, ids.end(), MoreProbable{logits_});
  ids.erase(end, ids.end());
  return ids;
}

}  // namespace cajal::generation
