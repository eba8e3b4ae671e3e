#include "model/graph/target.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace cajal::graph {
namespace {

std::string SumLabel(const TokenSum& sum) {
  std::string label;
  for (const WeightedToken& term : sum.terms) {
    const bool minus = term.weight < 0;
    if (label.empty()) {
      label = minus ? "-" : "";
    } else {
      label += minus ? " - " : " + ";
    }
    const float factor = std::abs(term.weight);
    if (factor != 1) absl::StrAppend(&label, factor, "*");
    absl::StrAppend(&label, "logit(", term.token, ")");
  }
  return label;
}

}  // namespace

std::string LabelOf(const Target& target) {
  if (const auto* token = std::get_if<NamedToken>(&target.what)) return token->token;
  if (!target.label.empty()) return target.label;
  if (const auto* sum = std::get_if<TokenSum>(&target.what)) return SumLabel(*sum);
  if (const auto* feature = std::get_if<TargetFeature>(&target.what)) {
    return absl::StrCat("feature ", feature->feature, " of layer ", feature->layer);
  }
  return std::holds_alternative<Direction>(target.what) ? "direction" : "";
}

}  // namespace cajal::graph
