#include "client/cpp/wire_patch.h"

#include <utility>

#include "client/cpp/utf8.h"
#include "client/cpp/wire.h"
#include "client/cpp/wire_intervention.h"

namespace cajal::client {
namespace {

using intervention::PositionMapKind;

void AddPlaces(const std::vector<intervention::FeaturePlace>& places,
               google::protobuf::RepeatedPtrField<v1::FeaturePlace>* proto) {
  for (const intervention::FeaturePlace& place : places) {
    v1::FeaturePlace* wire = proto->Add();
    wire->set_layer(place.layer);
    wire->set_feature(place.feature);
    *wire->mutable_positions() = ToProto(place.positions);
  }
}

v1::PositionMap MapToProto(const intervention::PositionMap& map) {
  v1::PositionMap proto;
  switch (map.kind) {
    case PositionMapKind::kSame:
      proto.mutable_same();
      break;
    case PositionMapKind::kImage:
      proto.mutable_image_grid();
      break;
    case PositionMapKind::kLast:
      proto.mutable_last();
      break;
    case PositionMapKind::kExplicit:
      for (const intervention::PositionPair& pair : map.pairs) {
        proto.mutable_pairs()->add_donor(pair.donor);
        proto.mutable_pairs()->add_recipient(pair.recipient);
      }
      break;
  }
  return proto;
}

}  // namespace

absl::StatusOr<v1::PatchActivationsRequest> ToProto(const PatchRequest& request) {
  v1::PatchActivationsRequest proto;
  absl::StatusOr<v1::Prompt> donor = ToProto(request.donor);
  if (!donor.ok()) return donor.status();
  *proto.mutable_donor() = *std::move(donor);
  absl::StatusOr<v1::Prompt> recipient = ToProto(request.recipient);
  if (!recipient.ok()) return recipient.status();
  *proto.mutable_recipient() = *std::move(recipient);
  AddPlaces(request.features, proto.mutable_features());
  AddPlaces(request.suppressed, proto.mutable_suppressed());
  if (request.layers.has_value()) {
    proto.mutable_layers()->set_first(request.layers->first);
    proto.mutable_layers()->set_last(request.layers->last);
  }
  if (request.graph_features.has_value()) {
    proto.mutable_graph_features()->set_graph(request.graph_features->graph);
    if (request.graph_features->supernode.empty()) {
      proto.mutable_graph_features()->set_top(request.graph_features->top);
    } else {
      proto.mutable_graph_features()->set_supernode(request.graph_features->supernode);
    }
  }
  if (request.difference.has_value()) {
    proto.mutable_difference()->set_donor_graph(request.difference->donor_graph);
    proto.mutable_difference()->set_recipient_graph(request.difference->recipient_graph);
    proto.mutable_difference()->set_limit(request.difference->limit);
  }
  *proto.mutable_map() = MapToProto(request.map);
  proto.mutable_strengths()->Assign(request.strengths.begin(), request.strengths.end());
  proto.set_by_layer(request.by_layer);
  proto.set_reverse(request.reverse);
  *proto.mutable_settings() = ToProto(request.settings);
  absl::StatusOr<v1::InterventionReport> report = ToProto(request.report);
  if (!report.ok()) return report.status();
  *proto.mutable_report() = *std::move(report);
  if (absl::Status utf8 = CheckUtf8(request.session, "session"); !utf8.ok()) return utf8;
  proto.set_session(request.session);
  proto.set_unclamped_clean_run(request.unclamped_clean_run);
  return proto;
}

}  // namespace cajal::client
