#include "server/target_conversion.h"

#include <variant>

#include "model/base/status.h"
#include "server/prompt_conversion.h"

namespace cajal::server {
namespace {

absl::StatusOr<graph::TokenSum> SumFromProto(const v1::TokenSum& proto, const std::string& field) {
  if (proto.terms_size() > kMaxTerms) {
    return InvalidField(field + ".terms", "must have at most " + std::to_string(kMaxTerms) +
                                              " elements, not " +
                                              std::to_string(proto.terms_size()));
  }
  graph::TokenSum sum;
  for (const v1::WeightedToken& term : proto.terms()) {
    sum.terms.push_back({term.token(), term.has_weight() ? term.weight() : 1});
  }
  return sum;
}

void SetWhat(const graph::TopTokens&, v1::Target* proto) { proto->mutable_top_tokens(); }

void SetWhat(const graph::NamedToken& named, v1::Target* proto) {
  proto->set_token(ToValidUtf8(named.token));
}

void SetWhat(const graph::TokenSum& sum, v1::Target* proto) {
  for (const graph::WeightedToken& term : sum.terms) {
    v1::WeightedToken* wire = proto->mutable_token_sum()->add_terms();
    wire->set_token(ToValidUtf8(term.token));
    wire->set_weight(term.weight);
  }
}

void SetWhat(const graph::Direction& direction, v1::Target* proto) {
  proto->mutable_direction()->mutable_vector()->Assign(direction.vector.begin(),
                                                       direction.vector.end());
}

void SetWhat(const graph::TargetFeature& feature, v1::Target* proto) {
  proto->mutable_feature()->set_layer(feature.layer);
  proto->mutable_feature()->set_index(feature.feature);
}

}  // namespace

absl::StatusOr<graph::Target> TargetFromProto(const v1::Target& proto, const std::string& field) {
  graph::Target target;
  if (proto.has_position()) target.position = proto.position();
  if (proto.has_weight()) target.weight = proto.weight();
  target.label = proto.label();
  if (target.label.size() > kMaxLabelBytes) {
    return InvalidField(field + ".label",
                        "must have at most " + std::to_string(kMaxLabelBytes) + " bytes");
  }
  switch (proto.target_case()) {
    case v1::Target::kToken:
      if (proto.token().empty()) return InvalidField(field + ".token", "is empty");
      target.what = graph::NamedToken{proto.token()};
      break;
    case v1::Target::kTopTokens:
      target.what = graph::TopTokens{};
      break;
    case v1::Target::kTokenSum: {
      ASSIGN_OR_RETURN(target.what, SumFromProto(proto.token_sum(), field + ".token_sum"));
      break;
    }
    case v1::Target::kDirection:
      target.what =
          graph::Direction{{proto.direction().vector().begin(), proto.direction().vector().end()}};
      break;
    case v1::Target::kFeature:
      if (proto.has_position()) {
        return InvalidField(field + ".position", "must not be set: a feature has its own");
      }
      target.position = proto.feature().position();
      target.what = graph::TargetFeature{proto.feature().layer(), proto.feature().index()};
      break;
    case v1::Target::TARGET_NOT_SET:
      return InvalidField(field,
                          "must hold `token`, `top_tokens`, `token_sum`, `direction` or `feature`");
  }
  return target;
}

v1::Target ToProto(const graph::Target& target) {
  v1::Target proto;
  std::visit([&proto](const auto& what) { SetWhat(what, &proto); }, target.what);
  if (proto.has_feature()) {
    proto.mutable_feature()->set_position(target.position);
  } else if (target.position != -1) {
    proto.set_position(target.position);
  }
  if (target.weight) proto.set_weight(*target.weight);
  proto.set_label(ToValidUtf8(target.label));
  return proto;
}

}  // namespace cajal::server
