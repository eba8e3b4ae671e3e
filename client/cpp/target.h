// What a graph is traced back from.
//
//   std::vector<Target> targets = {" Mars", " Earth"};                    // two tokens
//   Target difference = SumTarget({{" Mars", 1}, {" Earth", -1}});        // logit( Mars) - logit(
//   Earth) Target feature = FeatureTarget(12, -1, 4711);                         // what feeds a
//   feature Target earlier;                                                       // the likeliest
//   tokens earlier.position = 5;                                                 // after position
//   5
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace cajal::client {

// The most probable tokens, as GraphSettings::max_n_logits and desired_logit_prob say.
struct TopTokens {};

struct WeightedToken {
  std::string token;  // exactly one token
  float weight = 1;   // finite, not 0
};

// A weighted sum of tokens' logits.
struct TokenSum {
  std::vector<WeightedToken> terms;
};

// A direction at the output of the final norm.
struct Direction {
  std::vector<float> vector;  // [d_model]; empty in what the server tells of stored graphs
};

// A feature that is active at the target's position.
struct TargetFeature {
  int32_t layer = 0;
  int32_t index = 0;
};

struct Target {
  Target() = default;  // TopTokens
  // NOLINTBEGIN(google-explicit-constructor): a target is any of these
  Target(std::string token) : what(std::move(token)) {}  // exactly one token: " Austin"
  Target(const char* token) : what(std::string(token)) {}
  Target(TokenSum sum) : what(std::move(sum)) {}
  Target(Direction direction) : what(std::move(direction)) {}
  Target(TargetFeature feature) : what(feature) {}
  // NOLINTEND(google-explicit-constructor)

  std::variant<TopTokens, std::string, TokenSum, Direction, TargetFeature> what;
  int32_t position = -1;  // of the prompt; negative counts from the end
  // In influence, pruning and selection; above 0. [tokens: their probability; sums: the same sum of
  // probabilities, without its sign; directions and features: 1]
  std::optional<float> weight = {};
  std::string label = {};  // [made of the target]; not of tokens
};

inline Target SumTarget(std::vector<WeightedToken> terms) { return TokenSum{std::move(terms)}; }

inline Target TopTokensAt(int32_t position) {
  Target target;
  target.position = position;
  return target;
}

inline Target FeatureTarget(int32_t layer, int32_t position, int32_t index) {
  Target target = TargetFeature{layer, index};
  target.position = position;
  return target;
}

}  // namespace cajal::client
