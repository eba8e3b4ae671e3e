#include "server/graph_cone.h"

#include <algorithm>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/cones.h"
#include "model/graph/pruning.h"
#include "server/node_conversion.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

constexpr int32_t kDefaultNodes = 100;
// With 128 bytes a node, an answer is 512 KiB.
constexpr int32_t kMaxNodes = 4000;

int32_t MaxNodes(const v1::FindConeRequest& request) {
  return request.has_max_nodes() ? request.max_nodes() : kDefaultNodes;
}

// The nodes of the cone without `seeds`, strongest first.
std::vector<int32_t> Sorted(const graph::Cone& cone, const std::vector<int32_t>& seeds) {
  std::vector<int32_t> nodes;
  for (int32_t node = 0; node < static_cast<int32_t>(cone.strength.size()); ++node) {
    if (cone.strength[node] > 0 && !std::binary_search(seeds.begin(), seeds.end(), node)) {
      nodes.push_back(node);
    }
  }
  std::stable_sort(nodes.begin(), nodes.end(),
                   [&cone](int32_t a, int32_t b) { return cone.strength[a] > cone.strength[b]; });
  return nodes;
}

}  // namespace

absl::Status CheckConeRequest(const v1::FindConeRequest& request) {
  if (request.node_ids().empty()) return InvalidField("node_ids", "at least one id or set");
  RETURN_IF_ERROR(CheckNodeIds(request.node_ids(), "node_ids"));
  if (request.direction() != v1::CONE_DIRECTION_UPSTREAM &&
      request.direction() != v1::CONE_DIRECTION_DOWNSTREAM) {
    return InvalidField("direction",
                        "must be CONE_DIRECTION_UPSTREAM or CONE_DIRECTION_DOWNSTREAM");
  }
  if (MaxNodes(request) < 1 || MaxNodes(request) > kMaxNodes) {
    return InvalidField("max_nodes", "must be within 1 and " + std::to_string(kMaxNodes) +
                                         ", not " + std::to_string(request.max_nodes()));
  }
  return FromProto(request.prune()).status();
}

absl::StatusOr<v1::FindConeResponse> AnswerFindCone(const graph::AttributionGraph& graph,
                                                    const graph::SupernodeForest& supernodes,
                                                    const v1::FindConeRequest& request) {
  ASSIGN_OR_RETURN(const graph::PruningOptions prune, FromProto(request.prune()));
  ASSIGN_OR_RETURN(const std::vector<int32_t> seeds,
                   NodesFromProto(graph, supernodes, request.node_ids(), "node_ids"));
  if (seeds.empty()) return InvalidField("node_ids", "these sets have no nodes in this graph");
  ASSIGN_OR_RETURN(const graph::PruningResult pruning,
                   PruneOrKeepImported(graph, prune, AsksForPruning(request.prune())));
  const bool upstream = request.direction() == v1::CONE_DIRECTION_UPSTREAM;
  ASSIGN_OR_RETURN(const graph::Cone cone,
                   upstream ? graph::UpstreamCone(graph, pruning.edge_mask, seeds)
                            : graph::DownstreamCone(graph, pruning.edge_mask, seeds));
  const std::vector<int32_t> nodes = Sorted(cone, seeds);
  v1::FindConeResponse response;
  response.set_n_nodes(static_cast<int32_t>(nodes.size()));
  for (size_t i = 0; i < nodes.size() && i < static_cast<size_t>(MaxNodes(request)); ++i) {
    v1::ConeNode* proto = response.add_nodes();
    *proto->mutable_node() = ToPathNode(graph, nodes[i]);
    proto->set_strength(cone.strength[nodes[i]]);
    proto->set_net(cone.net[nodes[i]]);
  }
  return response;
}

}  // namespace cajal::server
