#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

GraphScores FromProto(const v1::GraphScores& proto) {
  return {.replacement = proto.replacement_score(), .completeness = proto.completeness_score()};
}

PathStatistics FromProto(const v1::PathStatistics& proto) {
  return {.mean_depth = proto.mean_depth(),
          .mean_layer_span = proto.mean_layer_span(),
          .mean_token_distance = proto.mean_token_distance(),
          .contribution_entropy = proto.contribution_entropy(),
          .top_path_share = proto.top_path_share()};
}

}  // namespace

v1::ScoreGraphRequest ToProto(const ScoreGraphRequest& request) {
  v1::ScoreGraphRequest proto;
  proto.set_name(request.name);
  *proto.mutable_prune() = ToProto(request.prune);
  proto.mutable_pinned_ids()->Add(request.pinned_ids.begin(), request.pinned_ids.end());
  return proto;
}

absl::StatusOr<ScoredGraph> FromProto(const v1::ScoreGraphResponse& proto) {
  ScoredGraph scored;
  scored.whole = FromProto(proto.whole());
  scored.pruned = FromProto(proto.pruned());
  scored.pruned_merged = FromProto(proto.pruned_merged());
  if (proto.has_pinned()) scored.pinned = FromProto(proto.pinned());
  scored.additivity_max_relative_error = proto.additivity().max_relative_error();
  scored.additivity_worst_row = proto.additivity().worst_row();
  scored.prune = FromProto(proto.prune());
  scored.n_kept_nodes = proto.n_kept_nodes();
  scored.n_kept_edges = proto.n_kept_edges();
  for (const v1::InfluenceShare& share : proto.shares()) {
    const absl::StatusOr<NodeKind> kind = KindFromProto(share.kind());
    if (!kind.ok()) return kind.status();
    scored.shares.push_back({.kind = *kind,
                             .layer = share.layer(),
                             .is_image = share.modality() == v1::MODALITY_IMAGE,
                             .n_nodes = share.n_nodes(),
                             .n_kept_nodes = share.n_kept_nodes(),
                             .share = share.share(),
                             .kept_share = share.kept_share()});
  }
  scored.paths = FromProto(proto.paths());
  scored.kept_paths = FromProto(proto.kept_paths());
  return scored;
}

}  // namespace cajal::client
