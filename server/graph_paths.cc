#include "server/graph_paths.h"

#include <numeric>
#include <vector>

#include "model/base/status.h"
#include "model/graph/paths.h"
#include "model/graph/pruning.h"
#include "server/node_conversion.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

constexpr int32_t kDefaultPaths = 10;

}  // namespace

absl::Status CheckPathsRequest(const v1::FindPathsRequest& request) {
  RETURN_IF_ERROR(CheckNodeIds(request.source_ids(), "source_ids"));
  RETURN_IF_ERROR(CheckNodeIds(request.target_ids(), "target_ids"));
  return FromProto(request.prune()).status();
}

absl::StatusOr<v1::FindPathsResponse> AnswerFindPaths(const graph::AttributionGraph& graph,
                                                      const graph::SupernodeForest& supernodes,
                                                      const v1::FindPathsRequest& request) {
  ASSIGN_OR_RETURN(const graph::PruningOptions prune, FromProto(request.prune()));
  graph::PathQuery query;
  query.min_features = request.min_features();
  query.max_paths = request.has_max_paths() ? request.max_paths() : kDefaultPaths;
  ASSIGN_OR_RETURN(query.sources,
                   NodesFromProto(graph, supernodes, request.source_ids(), "source_ids"));
  ASSIGN_OR_RETURN(query.targets,
                   NodesFromProto(graph, supernodes, request.target_ids(), "target_ids"));
  if (query.sources.empty()) {
    query.sources.resize(graph.n_positions());
    std::iota(query.sources.begin(), query.sources.end(), graph.first_token());
  }
  if (query.targets.empty() && graph.n_logits() > 0) query.targets = {graph.first_logit()};
  ASSIGN_OR_RETURN(const graph::PruningResult pruning,
                   PruneOrKeepImported(graph, prune, AsksForPruning(request.prune())));
  ASSIGN_OR_RETURN(const std::vector<graph::GraphPath> paths,
                   graph::FindPaths(graph, pruning.edge_mask, query));
  v1::FindPathsResponse response;
  for (const graph::GraphPath& path : paths) {
    v1::Path* proto = response.add_paths();
    for (const int32_t node : path.nodes) *proto->add_nodes() = ToPathNode(graph, node);
    proto->set_strength(path.strength);
    proto->set_sign(path.sign);
    if (path.effect) proto->set_effect(*path.effect);
  }
  return response;
}

}  // namespace cajal::server
