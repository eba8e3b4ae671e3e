#include "server/graph_scores.h"

#include <vector>

#include "model/base/status.h"
#include "model/graph/influence.h"
#include "model/graph/influence_shares.h"
#include "model/graph/merged_scores.h"
#include "model/graph/path_statistics.h"
#include "model/graph/pruning.h"
#include "model/graph/scores.h"
#include "server/graph_conversion.h"
#include "server/node_conversion.h"
#include "server/prune_conversion.h"

namespace cajal::server {
namespace {

v1::InfluenceShare ShareToProto(const graph::InfluenceCell& cell) {
  v1::InfluenceShare proto;
  proto.set_kind(ToProto(cell.kind));
  proto.set_layer(cell.layer);
  proto.set_modality(cell.is_image ? v1::MODALITY_IMAGE : v1::MODALITY_TEXT);
  proto.set_n_nodes(cell.n_nodes);
  proto.set_n_kept_nodes(cell.n_kept_nodes);
  proto.set_share(cell.share);
  proto.set_kept_share(cell.kept_share);
  return proto;
}

v1::PathStatistics PathsToProto(const graph::PathStatistics& statistics) {
  v1::PathStatistics proto;
  proto.set_mean_depth(statistics.mean_depth);
  proto.set_mean_layer_span(statistics.mean_layer_span);
  proto.set_mean_token_distance(statistics.mean_token_distance);
  proto.set_contribution_entropy(statistics.contribution_entropy);
  proto.set_top_path_share(statistics.top_path_share);
  return proto;
}

graph::GraphScores WholeScores(const graph::AttributionGraph& graph,
                               const std::vector<double>& logit_weights) {
  return graph::ComputeScores(graph, graph::ComputeInfluence(graph.edges, logit_weights).nodes,
                              logit_weights);
}

// 1 for the nodes that are named. [n_nodes].
absl::StatusOr<std::vector<uint8_t>> PinnedMask(const graph::AttributionGraph& graph,
                                                const graph::SupernodeForest& supernodes,
                                                const v1::ScoreGraphRequest& request) {
  ASSIGN_OR_RETURN(const std::vector<int32_t> nodes,
                   NodesFromProto(graph, supernodes, request.pinned_ids(), "pinned_ids"));
  std::vector<uint8_t> mask(graph.n_nodes(), 0);
  for (const int32_t node : nodes) mask[node] = 1;
  return mask;
}

}  // namespace

absl::Status CheckScoreRequest(const v1::ScoreGraphRequest& request) {
  RETURN_IF_ERROR(CheckNodeIds(request.pinned_ids(), "pinned_ids"));
  return FromProto(request.prune()).status();
}

absl::StatusOr<v1::ScoreGraphResponse> AnswerScoreGraph(const graph::AttributionGraph& graph,
                                                        const graph::SupernodeForest& supernodes,
                                                        const v1::ScoreGraphRequest& request) {
  ASSIGN_OR_RETURN(const graph::PruningOptions options, FromProto(request.prune()));
  ASSIGN_OR_RETURN(const std::vector<uint8_t> pinned, PinnedMask(graph, supernodes, request));
  ASSIGN_OR_RETURN(const graph::PruningResult pruning,
                   PruneOrKeepImported(graph, options, AsksForPruning(request.prune())));
  const std::vector<double>& weights = pruning.logit_weights;

  v1::ScoreGraphResponse response;
  *response.mutable_whole() = ToProto(WholeScores(graph, weights));
  *response.mutable_pruned() = ToProto(graph::KeptScores(graph, pruning));
  *response.mutable_pruned_merged() =
      ToProto(graph::MergedScores(graph, {}, pruning.node_mask, weights));
  if (request.pinned_ids_size() > 0) {
    *response.mutable_pinned() =
        ToProto(graph::MergedScores(graph, pruning.edge_mask, pinned, weights));
  }
  response.mutable_additivity()->set_max_relative_error(graph.additivity.max_relative_error);
  response.mutable_additivity()->set_worst_row(graph.additivity.worst_row);
  *response.mutable_prune() = ToProto(options, graph);
  response.set_n_kept_nodes(pruning.n_kept_nodes);
  response.set_n_kept_edges(pruning.n_kept_edges);
  for (const graph::InfluenceCell& cell : graph::InfluenceShares(graph, pruning)) {
    *response.add_shares() = ShareToProto(cell);
  }
  *response.mutable_paths() = PathsToProto(graph::ComputePathStatistics(graph, {}, weights));
  *response.mutable_kept_paths() =
      PathsToProto(graph::ComputePathStatistics(graph, pruning.edge_mask, weights));
  return response;
}

}  // namespace cajal::server
