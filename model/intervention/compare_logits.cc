#include "model/intervention/compare_logits.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cajal::intervention {

LogitTable::LogitTable(std::span<const float> logits) : logits_(logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  log_sum_ = largest + std::log(sum);
}

TokenScore LogitTable::Of(int64_t token_id) const {
  const float logit = logits_[static_cast<size_t>(token_id)];
  const auto is_before = [&](size_t id) {
    return logits_[id] > logit || (logits_[id] == logit && static_cast<int64_t>(id) < token_id);
  };
  int32_t rank = 1;
  for (size_t id = 0; id < logits_.size(); ++id) rank += is_before(id) ? 1 : 0;
  return {.logit = logit,
          .probability = static_cast<float>(std::exp(LogProbability(token_id))),
          .rank = rank};
}

std::vector<int64_t> LogitTable::Top(int32_t k) const {
  std::vector<int64_t> ids(logits_.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto middle = ids.begin() + std::min<int64_t>(k, std::ssize(ids));
  std::partial_sort(ids.begin(), middle, ids.end(), [this](int64_t a, int64_t b) {
    const float x = logits_[static_cast<size_t>(a)];
    const float y = logits_[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  });
  ids.erase(middle, ids.end());
  return ids;
}

double KlDivergence(const LogitTable& clean, const LogitTable& edited) {
  double sum = 0;
  for (int64_t id = 0; id < clean.vocab_size(); ++id) {
    const double log_p = clean.LogProbability(id);
    sum += std::exp(log_p) * (log_p - edited.LogProbability(id));
  }
  return std::max(sum, 0.0);  // rounding may leave a little below it
}

std::vector<TokenChange> CompareTokens(const std::vector<int64_t>& token_ids,
                                       const LogitTable& clean, const LogitTable& edited) {
  std::vector<TokenChange> changes;
  for (const int64_t id : token_ids) {
    changes.push_back({.token_id = id, .clean = clean.Of(id), .edited = edited.Of(id)});
  }
  return changes;
}

}  // namespace cajal::intervention
