#include "model/attribution/target_check.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <variant>

#include "model/base/status.h"

namespace cajal::attribution {
namespace {

using graph::Target;

std::string Upto(int64_t last) { return "from 0 to " + std::to_string(last); }

absl::StatusOr<int64_t> TokenId(const std::string& text, const std::string& field,
                                const tokenizer::Tokenizer& tokenizer) {
  const std::vector<int64_t> ids = tokenizer.Encode(text);
  if (ids.size() == 1) return ids[0];
  return InvalidField(field, "'" + text + "' is " + std::to_string(ids.size()) +
                                 " tokens, but a target is exactly one; mind the leading space");
}

// Checks one kind of target and returns the ids of its tokens.
class WhatChecker {
 public:
  WhatChecker(std::string field, const TargetLimits& limits, const tokenizer::Tokenizer& tokenizer)
      : field_(std::move(field)), limits_(limits), tokenizer_(tokenizer) {}

  absl::StatusOr<std::vector<int64_t>> operator()(const graph::TopTokens&) const {
    return std::vector<int64_t>();
  }

  absl::StatusOr<std::vector<int64_t>> operator()(const graph::NamedToken& named) const {
    ASSIGN_OR_RETURN(const int64_t id, TokenId(named.token, field_ + ".token", tokenizer_));
    return std::vector<int64_t>{id};
  }

  absl::StatusOr<std::vector<int64_t>> operator()(const graph::TokenSum& sum) const {
    const std::string terms = field_ + ".token_sum.terms";
    if (sum.terms.empty()) return InvalidField(terms, "is empty; a sum needs at least one token");
    std::vector<int64_t> ids;
    for (size_t i = 0; i < sum.terms.size(); ++i) {
      const std::string term = FieldItem(terms, i);
      const float weight = sum.terms[i].weight;
      if (!std::isfinite(weight) || weight == 0) {
        return InvalidField(term + ".weight", "must be a finite number other than 0");
      }
      ASSIGN_OR_RETURN(const int64_t id, TokenId(sum.terms[i].token, term + ".token", tokenizer_));
      if (std::find(ids.begin(), ids.end(), id) != ids.end()) {
        return InvalidField(term + ".token",
                            "'" + sum.terms[i].token + "' stands in the sum twice");
      }
      ids.push_back(id);
    }
    return ids;
  }

  absl::StatusOr<std::vector<int64_t>> operator()(const graph::Direction& direction) const {
    const std::string vector = field_ + ".direction.vector";
    if (std::ssize(direction.vector) != limits_.d_model) {
      return InvalidField(vector, "must have as many elements as the model is wide, " +
                                      std::to_string(limits_.d_model) + ", not " +
                                      std::to_string(direction.vector.size()));
    }
    const auto is_finite = [](float x) { return std::isfinite(x); };
    if (!std::all_of(direction.vector.begin(), direction.vector.end(), is_finite)) {
      return InvalidField(vector, "must hold finite numbers only");
    }
    if (std::count(direction.vector.begin(), direction.vector.end(), 0.0F) == limits_.d_model) {
      return InvalidField(vector, "is zero everywhere");
    }
    return std::vector<int64_t>();
  }

  absl::StatusOr<std::vector<int64_t>> operator()(const graph::TargetFeature& feature) const {
    const int64_t last_layer = std::ssize(limits_.features_per_layer) - 1;
    if (feature.layer < 0 || feature.layer > last_layer) {
      return InvalidField(field_ + ".feature.layer",
                          "must be " + Upto(last_layer) + ", not " + std::to_string(feature.layer));
    }
    const int64_t last = limits_.features_per_layer[static_cast<size_t>(feature.layer)] - 1;
    if (feature.feature < 0 || feature.feature > last) {
      return InvalidField(field_ + ".feature.index", "must be " + Upto(last) + " in layer " +
                                                         std::to_string(feature.layer) + ", not " +
                                                         std::to_string(feature.feature));
    }
    return std::vector<int64_t>();
  }

 private:
  std::string field_;
  const TargetLimits& limits_;
  const tokenizer::Tokenizer& tokenizer_;
};

std::string FieldOf(size_t i) { return "targets[" + std::to_string(i) + "]"; }

// The field to blame when the target itself is, and not one of its parts.
std::string WhatFieldOf(size_t i, const Target& target) {
  constexpr const char* kNames[] = {".top_tokens", ".token", ".token_sum", ".direction",
                                    ".feature"};
  static_assert(std::size(kNames) == std::variant_size_v<decltype(target.what)>);
  return FieldOf(i) + kNames[target.what.index()];
}

}  // namespace

absl::StatusOr<std::vector<std::vector<int64_t>>> CheckTargets(
    const std::vector<Target>& targets, const TargetLimits& limits,
    const tokenizer::Tokenizer& tokenizer) {
  std::vector<std::vector<int64_t>> token_ids;
  for (size_t i = 0; i < targets.size(); ++i) {
    ASSIGN_OR_RETURN(token_ids.emplace_back(),
                     std::visit(WhatChecker(FieldOf(i), limits, tokenizer), targets[i].what));
    if (const std::optional<float>& weight = targets[i].weight;
        weight && !(*weight > 0 && std::isfinite(*weight))) {
      return InvalidField(FieldOf(i) + ".weight", "must be a finite number above 0");
    }
  }
  return token_ids;
}

absl::Status CheckTargetPositions(const std::vector<Target>& targets, int64_t n_positions) {
  std::vector<Target> seen;
  for (size_t i = 0; i < targets.size(); ++i) {
    Target target{.what = targets[i].what, .position = targets[i].position};
    const bool is_feature = std::holds_alternative<graph::TargetFeature>(target.what);
    if (target.position < -n_positions || target.position >= n_positions) {
      return InvalidField(FieldOf(i) + (is_feature ? ".feature.position" : ".position"),
                          "must be " + Upto(n_positions - 1) + ", or from -" +
                              std::to_string(n_positions) + " to -1 counting from the end, not " +
                              std::to_string(target.position));
    }
    if (target.position < 0) target.position += static_cast<int32_t>(n_positions);
    if (std::find(seen.begin(), seen.end(), target) != seen.end()) {
      return InvalidField(WhatFieldOf(i, target), "is named twice at one position");
    }
    seen.push_back(std::move(target));
  }
  return absl::OkStatus();
}

}  // namespace cajal::attribution
