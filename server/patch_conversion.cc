#include "server/patch_conversion.h"

#include <algorithm>
#include <utility>

#include "model/base/status.h"
#include "server/edit_conversion.h"
#include "server/prompt_conversion.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

using intervention::PositionMap;
using intervention::PositionMapKind;

constexpr int32_t kMaxPlaces = 10'000;
// With the largest varints a feature takes 30 bytes.
constexpr size_t kFeaturesPerChunk = 16384;

absl::StatusOr<std::vector<intervention::FeaturePlace>> PlacesFromProto(
    const google::protobuf::RepeatedPtrField<v1::FeaturePlace>& proto, const std::string& field) {
  if (proto.size() > kMaxPlaces) {
    return InvalidField(field, "must have at most " + std::to_string(kMaxPlaces) +
                                   " elements, not " + std::to_string(proto.size()));
  }
  std::vector<intervention::FeaturePlace> places;
  for (int i = 0; i < proto.size(); ++i) {
    intervention::FeaturePlace& place = places.emplace_back();
    place.layer = proto[i].layer();
    place.feature = proto[i].feature();
    ASSIGN_OR_RETURN(place.positions,
                     FromProto(proto[i].positions(), FieldItem(field, i) + ".positions"));
  }
  return places;
}

absl::StatusOr<PositionMap> MapFromProto(const v1::PositionMap& proto) {
  switch (proto.kind_case()) {
    case v1::PositionMap::KIND_NOT_SET:
    case v1::PositionMap::kSame:
      return PositionMap{.kind = PositionMapKind::kSame};
    case v1::PositionMap::kImageGrid:
      return PositionMap{.kind = PositionMapKind::kImage};
    case v1::PositionMap::kLast:
      return PositionMap{.kind = PositionMapKind::kLast};
    case v1::PositionMap::kPairs:
      break;
  }
  const v1::PositionPairs& pairs = proto.pairs();
  if (pairs.donor_size() != pairs.recipient_size() || pairs.donor_size() > kMaxPlaces) {
    return InvalidField("map.pairs", "must have as many donor as recipient positions, at most " +
                                         std::to_string(kMaxPlaces) + ", not " +
                                         std::to_string(pairs.donor_size()) + " and " +
                                         std::to_string(pairs.recipient_size()));
  }
  PositionMap map{.kind = PositionMapKind::kExplicit};
  for (int i = 0; i < pairs.donor_size(); ++i) {
    map.pairs.push_back({pairs.donor(i), pairs.recipient(i)});
  }
  return map;
}

absl::StatusOr<DonorGraph> FromDonorGraph(const v1::DonorGraphFeatures& proto) {
  DonorGraph graph{.supernode = proto.supernode(), .top = proto.top()};
  ASSIGN_OR_RETURN(graph.graph_id, IdFromName(proto.graph(), "graphs", "graph_features.graph"));
  if (graph.supernode.empty() && graph.top < 1) {
    return InvalidField("graph_features", "needs supernode, or top of at least 1");
  }
  return graph;
}

absl::StatusOr<GraphDifference> FromDifference(const v1::GraphDifferenceFeatures& proto) {
  GraphDifference difference;
  ASSIGN_OR_RETURN(difference.donor_id,
                   IdFromName(proto.donor_graph(), "graphs", "difference.donor_graph"));
  ASSIGN_OR_RETURN(difference.recipient_id,
                   IdFromName(proto.recipient_graph(), "graphs", "difference.recipient_graph"));
  if (proto.has_limit()) difference.limit = proto.limit();
  if (difference.limit >= 1) return difference;
  return InvalidField("difference.limit",
                      "must be at least 1, not " + std::to_string(difference.limit));
}

}  // namespace

absl::StatusOr<PatchCall> FromProto(v1::PatchActivationsRequest&& proto, const std::string& owner) {
  PatchCall call;
  ASSIGN_OR_RETURN(call.session,
                   SessionUseFromProto(owner, proto.session(), proto.unclamped_clean_run()));
  auto donor = PromptFromProto(std::move(*proto.mutable_donor()));
  if (!donor.ok()) return InPromptField(donor.status(), "donor");
  call.donor = *std::move(donor);
  auto recipient = PromptFromProto(std::move(*proto.mutable_recipient()));
  if (!recipient.ok()) return InPromptField(recipient.status(), "recipient");
  call.recipient = *std::move(recipient);

  PatchRequest& request = call.request;
  ASSIGN_OR_RETURN(request.features, PlacesFromProto(proto.features(), "features"));
  ASSIGN_OR_RETURN(request.suppressed, PlacesFromProto(proto.suppressed(), "suppressed"));
  if (proto.has_layers()) {
    request.layers = intervention::LayerRange{proto.layers().first(), proto.layers().last()};
  }
  if (proto.has_graph_features()) {
    ASSIGN_OR_RETURN(call.donor_graph, FromDonorGraph(proto.graph_features()));
  }
  if (proto.has_difference()) {
    ASSIGN_OR_RETURN(call.difference, FromDifference(proto.difference()));
  }
  ASSIGN_OR_RETURN(request.map, MapFromProto(proto.map()));
  if (proto.strengths_size() > 0) {
    request.strengths.assign(proto.strengths().begin(), proto.strengths().end());
  }
  request.by_layer = proto.by_layer();
  request.reverse = proto.reverse();
  ASSIGN_OR_RETURN(request.run, FromProto(proto.settings()));
  ASSIGN_OR_RETURN(request.report, FromProto(proto.report()));
  return call;
}

PatchMessages::PatchMessages(const JobInfo& job, const JobResult& result)
    : result_(result.patch), recipient_(job, {result_, &result_->recipient}, result.phases) {
  *header_.mutable_recipient() = recipient_.header();
  if (result_->donor.has_value()) {
    donor_.emplace(job, std::shared_ptr<const InterventionResult>(result_, &*result_->donor),
                   result.phases);
    *header_.mutable_donor() = donor_->header();
  }
  for (const intervention::PatchRun& run : result_->runs) {
    v1::PatchRun* proto = header_.add_runs();
    if (run.layer >= 0) proto->set_layer(run.layer);
    proto->set_strength(run.strength);
    proto->set_n_features(run.n_features);
  }
  header_.set_n_features(static_cast<int32_t>(result_->features.size()));
}

bool PatchMessages::Next(v1::PatchChunk* chunk) {
  if (feature_ < result_->features.size()) {
    const size_t end = std::min(feature_ + kFeaturesPerChunk, result_->features.size());
    v1::PatchedFeatureChunk* proto = chunk->mutable_features();
    for (; feature_ < end; ++feature_) {
      const intervention::PatchedFeature& feature = result_->features[feature_];
      proto->add_layers(feature.layer);
      proto->add_features(feature.feature);
      proto->add_donor_positions(feature.donor_position);
      proto->add_recipient_positions(feature.recipient_position);
      proto->add_donor_activations(feature.donor);
      proto->add_recipient_activations(feature.recipient);
      proto->add_suppressed(feature.is_suppressed);
    }
    return true;
  }
  if (recipient_.Next(chunk->mutable_recipient())) return true;
  return donor_.has_value() && donor_->Next(chunk->mutable_donor());
}

}  // namespace cajal::server
