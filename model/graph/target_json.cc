#include "model/graph/target_json.h"

#include <string>
#include <utility>

#include "model/base/status.h"
#include "model/graph/json_keys.h"

namespace cajal::graph {
namespace {

using checkpoint::ObjectReader;
using nlohmann::json;

json ToJson(const TopTokens&) { return {{"kind", "top_tokens"}}; }

json ToJson(const NamedToken& token) {
  return {{"kind", "token"}, {"token", TextToJson(token.token)}};
}

json ToJson(const TokenSum& sum) {
  json terms = json::array();
  for (const WeightedToken& term : sum.terms) {
    terms.push_back({{"token", TextToJson(term.token)}, {"weight", term.weight}});
  }
  return {{"kind", "sum"}, {"terms", std::move(terms)}};
}

json ToJson(const Direction&) { return {{"kind", "direction"}}; }

json ToJson(const TargetFeature& feature) {
  return {{"kind", "feature"}, {"layer", feature.layer}, {"feature", feature.feature}};
}

json ToJson(const Target& target) {
  const auto* token = std::get_if<NamedToken>(&target.what);
  if (token != nullptr && target.position == -1 && !target.weight) return TextToJson(token->token);
  json object = std::visit([](const auto& what) { return ToJson(what); }, target.what);
  object["position"] = target.position;
  if (target.weight) object["weight"] = *target.weight;
  if (!target.label.empty()) object["label"] = TextToJson(target.label);
  return object;
}

absl::StatusOr<TokenSum> SumFromJson(const json& array) {
  TokenSum sum;
  for (const json& value : array) {
    if (!value.is_object()) return absl::InvalidArgumentError("terms must hold objects");
    ObjectReader reader(value, "terms");
    sum.terms.push_back(
        {ReadText(reader, "token"), static_cast<float>(ReadNumber(reader, "weight"))});
    RETURN_IF_ERROR(reader.status());
  }
  return sum;
}

absl::StatusOr<Target> FromJson(const json& value) {
  Target target;
  NamedToken token;
  if (TextFromJson(value, &token.token)) {
    target.what = std::move(token);
    return target;
  }
  if (!value.is_object()) return absl::InvalidArgumentError("targets must hold texts and objects");
  ObjectReader reader(value, "targets");
  const std::string kind = reader.String("kind", "");
  if (kind == "top_tokens") {
    target.what = TopTokens{};
  } else if (kind == "token") {
    target.what = NamedToken{ReadText(reader, "token")};
  } else if (kind == "sum") {
    ASSIGN_OR_RETURN(target.what, SumFromJson(ReadArray(reader, "terms")));
  } else if (kind == "direction") {
    target.what = Direction{};
  } else if (kind == "feature") {
    target.what = TargetFeature{ReadInt32(reader, "layer", 0), ReadInt32(reader, "feature", 0)};
  } else {
    reader.Fail("kind", "is not known");
  }
  target.position = ReadInt32(reader, "position", -kInt32Max);
  if (reader.Has("weight")) target.weight = static_cast<float>(ReadNumber(reader, "weight"));
  if (reader.Has("label")) target.label = ReadText(reader, "label");
  RETURN_IF_ERROR(reader.status());
  return target;
}

}  // namespace

json TargetsToJson(const std::vector<Target>& targets) {
  json array = json::array();
  for (const Target& target : targets) array.push_back(ToJson(target));
  return array;
}

absl::StatusOr<std::vector<Target>> TargetsFromJson(const json& array) {
  std::vector<Target> targets;
  for (const json& value : array) {
    ASSIGN_OR_RETURN(targets.emplace_back(), FromJson(value));
  }
  return targets;
}

}  // namespace cajal::graph
