// The vocabulary tokens that a graph is traced back from.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/attribution/frozen_model.h"
#include "model/attribution/trace.h"
#include "model/gemma3/model.h"

namespace cajal::attribution {

struct LogitTargets {
  std::vector<int64_t> token_ids;
  std::vector<float> probabilities;  // softmax over the whole vocabulary
  // [n, d]: unembedding rows minus their mean over the vocabulary, gradients at ln_final's output.
  at::Tensor directions;
  // Demeaned logits: direction . ln_final's output. What the row of a target must add up to.
  std::vector<float> values;

  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(token_ids.size()); }
};

// The most probable tokens: the smallest number whose probabilities reach `desired_prob`, at most
// `max_n` (circuit-tracer's attribution/targets.py). Ties go to the smaller id.
LogitTargets ChooseLogitTargets(const gemma3::Model& model, const FoldedModel& folded,
                                const Trace& trace, int64_t max_n, double desired_prob);

// Exactly these tokens, by descending probability.
LogitTargets NamedLogitTargets(const gemma3::Model& model, const FoldedModel& folded,
                               const Trace& trace, const std::vector<int64_t>& token_ids);

}  // namespace cajal::attribution
