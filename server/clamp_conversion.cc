#include "server/clamp_conversion.h"

#include <google/protobuf/util/time_util.h>

#include "model/base/status.h"
#include "model/intervention/clamp_check.h"
#include "server/edit_conversion.h"
#include "server/prompt_conversion.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

using google::protobuf::util::TimeUtil;
using intervention::Clamp;
using intervention::ClampPlaces;
using intervention::OperationKind;

absl::StatusOr<ClampPlaces> PlacesFromProto(const v1::Clamp& proto, const std::string& field) {
  if (proto.places_size() == 0) return ClampPlaces{};
  ClampPlaces places{.text = false, .image = false, .generated = false};
  for (int i = 0; i < proto.places_size(); ++i) {
    switch (proto.places(i)) {
      case v1::CLAMP_PLACE_TEXT:
        places.text = true;
        break;
      case v1::CLAMP_PLACE_IMAGE:
        places.image = true;
        break;
      case v1::CLAMP_PLACE_GENERATED:
        places.generated = true;
        break;
      default:
        return InvalidField(FieldItem(field + ".places", i), "is not one that this server knows");
    }
  }
  return places;
}

absl::StatusOr<Clamp> ClampFromProto(const v1::Clamp& proto, const std::string& field) {
  Clamp clamp{.name = proto.name()};
  if (proto.features_size() > intervention::kMaxFeaturesOfClamp) {
    return InvalidField(field + ".features",
                        "must have at most " + std::to_string(intervention::kMaxFeaturesOfClamp) +
                            " elements, not " + std::to_string(proto.features_size()));
  }
  for (const v1::ClampedFeature& feature : proto.features()) {
    clamp.features.push_back({feature.layer(), feature.feature()});
  }
  ASSIGN_OR_RETURN(clamp.operation, FromProto(proto.operation(), field + ".operation"));
  ASSIGN_OR_RETURN(clamp.places, PlacesFromProto(proto, field));
  return clamp;
}

void ToProto(const Clamp& clamp, v1::Clamp* proto) {
  proto->set_name(ToValidUtf8(clamp.name));
  for (const auto& [layer, feature] : clamp.features) {
    v1::ClampedFeature* wire = proto->add_features();
    wire->set_layer(layer);
    wire->set_feature(feature);
  }
  v1::Operation* operation = proto->mutable_operation();
  const float value = clamp.operation.value;
  if (clamp.operation.kind == OperationKind::kSet) operation->set_set_to(value);
  if (clamp.operation.kind == OperationKind::kAtMost) operation->set_at_most(value);
  if (clamp.operation.kind == OperationKind::kAtLeast) operation->set_at_least(value);
  if (clamp.places.text) proto->add_places(v1::CLAMP_PLACE_TEXT);
  if (clamp.places.image) proto->add_places(v1::CLAMP_PLACE_IMAGE);
  if (clamp.places.generated) proto->add_places(v1::CLAMP_PLACE_GENERATED);
}

}  // namespace

absl::StatusOr<ClampList> FromProto(const google::protobuf::RepeatedPtrField<v1::Clamp>& proto,
                                    const std::string& field) {
  if (proto.size() > intervention::kMaxClamps) {
    return InvalidField(field, "must have at most " + std::to_string(intervention::kMaxClamps) +
                                   " elements, not " + std::to_string(proto.size()));
  }
  ClampList list;
  for (int i = 0; i < proto.size(); ++i) {
    const std::string item = FieldItem(field, i);
    ASSIGN_OR_RETURN(list.clamps.emplace_back(), ClampFromProto(proto[i], item));
    if (proto[i].supernodes_size() > intervention::kMaxFeaturesOfClamp) {
      return InvalidField(item + ".supernodes", "are more than a clamp may have features");
    }
    for (int j = 0; j < proto[i].supernodes_size(); ++j) {
      const v1::ClampedSupernode& supernode = proto[i].supernodes(j);
      ClampedSupernode& added = list.supernodes.emplace_back();
      added.clamp = static_cast<size_t>(i);
      added.field = FieldItem(item + ".supernodes", j);
      ASSIGN_OR_RETURN(added.graph_id,
                       IdFromName(supernode.graph(), "graphs", added.field + ".graph"));
      added.supernode = supernode.supernode();
    }
  }
  return list;
}

v1::Session ToProto(const session::Session& session) {
  v1::Session proto;
  proto.set_name(session.name());
  for (const Clamp& clamp : session.clamps) ToProto(clamp, proto.add_clamps());
  proto.set_model(session.model);
  proto.set_transcoders(session.transcoders);
  *proto.mutable_create_time() = TimeUtil::MillisecondsToTimestamp(session.create_time_unix_ms);
  *proto.mutable_update_time() = TimeUtil::MillisecondsToTimestamp(session.update_time_unix_ms);
  *proto.mutable_expire_time() = TimeUtil::MillisecondsToTimestamp(session.expire_time_unix_ms);
  return proto;
}

}  // namespace cajal::server
