// What a graph is traced back from, as the caller asks for it.
//
// Each target becomes one node at the end of the graph's node order (LogitNode), but for TopTokens,
// which becomes several. Plain values; names are the caller's, checked where the model is known
// (attribution/target_check.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace cajal::graph {

// The most probable next tokens, as many as GraphSettings::max_n_logits and desired_logit_prob say.
struct TopTokens {
  bool operator==(const TopTokens&) const = default;
};

// A token of the vocabulary, as text that is exactly one token. Its value is its logit less the
// mean of all logits, before a soft cap.
struct NamedToken {
  std::string token;

  bool operator==(const NamedToken&) const = default;
};

struct WeightedToken {
  std::string token;
  float weight = 1;

  bool operator==(const WeightedToken&) const = default;
};

// A weighted sum of tokens: { Mars, 1}, { Earth, -1} is the difference of their logits.
struct TokenSum {
  std::vector<WeightedToken> terms;

  bool operator==(const TokenSum&) const = default;
};

// Any direction at ln_final's output: circuit-tracer's CustomTarget. Its value is the inner
// product.
struct Direction {
  std::vector<float> vector;  // [d_model]; empty in finished graphs, which do not keep it

  bool operator==(const Direction&) const = default;
};

// A feature that is active at the position. Its value is the pre-activation.
struct TargetFeature {
  int32_t layer = 0;
  int32_t feature = 0;

  bool operator==(const TargetFeature&) const = default;
};

struct Target {
  std::variant<TopTokens, NamedToken, TokenSum, Direction, TargetFeature> what;
  int32_t position = -1;  // of the prompt; negative counts from the end
  // Of the node in influence, pruning and selection, above 0. Not set: tokens have their
  // probability; sums what the same sum of probabilities amounts to, without its sign and at least
  // 1e-6 (circuit-tracer's demonstrations of differences do so); directions and features 1.
  std::optional<float> weight = {};
  std::string label = {};  // empty = LabelOf says what it is; not of TopTokens and NamedToken

  bool operator==(const Target&) const = default;
};

// "logit( Mars) - 0.5*logit( Earth)", "feature 17 of layer 3", "direction". No quotes, because the
// front ends look for the one that ends a label. Empty for TopTokens.
std::string LabelOf(const Target& target);

}  // namespace cajal::graph
