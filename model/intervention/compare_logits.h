// How the logits of a run differ from those of the clean run. Pure functions; no torch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/intervention/intervention.h"

namespace cajal::intervention {

// Of one position of one run.
class LogitTable {
 public:
  // logits: [vocab]; must outlive the table.
  explicit LogitTable(std::span<const float> logits);

  [[nodiscard]] TokenScore Of(int64_t token_id) const;
  // The ids of the k most probable tokens; ties by id.
  [[nodiscard]] std::vector<int64_t> Top(int32_t k) const;
  // Natural logarithm of the softmax.
  [[nodiscard]] double LogProbability(int64_t token_id) const {
    return static_cast<double>(logits_[static_cast<size_t>(token_id)]) - log_sum_;
  }
  [[nodiscard]] int64_t vocab_size() const { return static_cast<int64_t>(logits_.size()); }

 private:
  std::span<const float> logits_;
  double log_sum_ = 0;  // of the exponentials
};

// Sum of p ln(p / q) over the vocabulary, p of `clean`, q of `edited`. At least 0.
double KlDivergence(const LogitTable& clean, const LogitTable& edited);

// The texts of the tokens are left to the caller.
std::vector<TokenChange> CompareTokens(const std::vector<int64_t>& token_ids,
                                       const LogitTable& clean, const LogitTable& edited);

}  // namespace cajal::intervention
