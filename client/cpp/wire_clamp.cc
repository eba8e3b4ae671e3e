#include "client/cpp/wire_clamp.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/cpp/utf8.h"
#include "client/cpp/wire.h"
#include "client/cpp/wire_intervention.h"

namespace cajal::client {
namespace {

using intervention::Clamp;
using intervention::OperationKind;

using ProtoClamps = google::protobuf::RepeatedPtrField<v1::Clamp>;

// `field` names the list in errors.
absl::Status AddClamps(const std::vector<ClampEdit>& edits, const std::string& field,
                       ProtoClamps* proto) {
  for (size_t i = 0; i < edits.size(); ++i) {
    const Clamp& clamp = edits[i].clamp;
    const std::string item = absl::StrCat(field, "[", i, "]");
    if (absl::Status utf8 = CheckUtf8(clamp.name, item + ".name"); !utf8.ok()) return utf8;
    v1::Clamp* wire = proto->Add();
    wire->set_name(clamp.name);
    for (const auto& [layer, feature] : clamp.features) {
      v1::ClampedFeature* added = wire->add_features();
      added->set_layer(layer);
      added->set_feature(feature);
    }
    *wire->mutable_operation() = ToProto(clamp.operation);
    if (clamp.places.text) wire->add_places(v1::CLAMP_PLACE_TEXT);
    if (clamp.places.image) wire->add_places(v1::CLAMP_PLACE_IMAGE);
    if (clamp.places.generated) wire->add_places(v1::CLAMP_PLACE_GENERATED);
    for (size_t j = 0; j < edits[i].supernodes.size(); ++j) {
      const ClampedSupernode& supernode = edits[i].supernodes[j];
      const absl::Status utf8 = CheckUtf8(supernode.graph + supernode.supernode,
                                          absl::StrCat(item, ".supernodes[", j, "].supernode"));
      if (!utf8.ok()) return utf8;
      v1::ClampedSupernode* added = wire->add_supernodes();
      added->set_graph(supernode.graph);
      added->set_supernode(supernode.supernode);
    }
  }
  return absl::OkStatus();
}

Clamp FromProto(const v1::Clamp& proto) {
  Clamp clamp{.name = proto.name(), .places = {false, false, false}};
  for (const v1::ClampedFeature& feature : proto.features()) {
    clamp.features.push_back({feature.layer(), feature.feature()});
  }
  if (proto.operation().has_at_most()) {
    clamp.operation = {OperationKind::kAtMost, proto.operation().at_most()};
  } else if (proto.operation().has_at_least()) {
    clamp.operation = {OperationKind::kAtLeast, proto.operation().at_least()};
  } else {
    clamp.operation = {OperationKind::kSet, proto.operation().set_to()};
  }
  for (const int place : proto.places()) {
    clamp.places.text = clamp.places.text || place == v1::CLAMP_PLACE_TEXT;
    clamp.places.image = clamp.places.image || place == v1::CLAMP_PLACE_IMAGE;
    clamp.places.generated = clamp.places.generated || place == v1::CLAMP_PLACE_GENERATED;
  }
  return clamp;
}

}  // namespace

absl::StatusOr<v1::CreateSessionRequest> ToProto(const CreateSessionRequest& request) {
  v1::CreateSessionRequest proto;
  if (absl::Status utf8 = CheckUtf8(request.session_id, "session_id"); !utf8.ok()) return utf8;
  proto.set_session_id(request.session_id);
  if (request.ttl.has_value()) proto.set_ttl_seconds(absl::ToInt64Seconds(*request.ttl));
  if (absl::Status added = AddClamps(request.clamps, "clamps", proto.mutable_clamps());
      !added.ok()) {
    return added;
  }
  return proto;
}

absl::StatusOr<v1::UpdateSessionRequest> ToProto(const UpdateSessionRequest& request) {
  v1::UpdateSessionRequest proto;
  if (absl::Status utf8 = CheckUtf8(request.name, "name"); !utf8.ok()) return utf8;
  proto.set_name(request.name);
  for (size_t i = 0; i < request.remove_clamps.size(); ++i) {
    const std::string& name = request.remove_clamps[i];
    if (absl::Status utf8 = CheckUtf8(name, absl::StrCat("remove_clamps[", i, "]")); !utf8.ok()) {
      return utf8;
    }
    proto.add_remove_clamps(name);
  }
  if (absl::Status added = AddClamps(request.set_clamps, "set_clamps", proto.mutable_set_clamps());
      !added.ok()) {
    return added;
  }
  if (request.ttl.has_value()) proto.set_ttl_seconds(absl::ToInt64Seconds(*request.ttl));
  return proto;
}

ClampSession FromProto(const v1::Session& session) {
  ClampSession result{.name = session.name(),
                      .model = session.model(),
                      .transcoders = session.transcoders(),
                      .create_time = FromProto(session.create_time()),
                      .update_time = FromProto(session.update_time()),
                      .expire_time = FromProto(session.expire_time())};
  for (const v1::Clamp& clamp : session.clamps()) result.clamps.push_back(FromProto(clamp));
  return result;
}

SessionPage FromProto(const v1::ListSessionsResponse& response) {
  SessionPage page{.next_page_token = response.next_page_token()};
  for (const v1::Session& session : response.sessions()) {
    page.sessions.push_back(FromProto(session));
  }
  return page;
}

}  // namespace cajal::client
