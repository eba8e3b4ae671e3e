#include "server/graph_paths.h"

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/node.h"
#include "model/graph/paths.h"
#include "model/graph/pruning.h"
#include "server/graph_conversion.h"
#include "server/prompt_conversion.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

constexpr int kMaxIds = 10000;
constexpr int32_t kDefaultPaths = 10;

absl::Status CheckIdCount(const char* field, int count) {
  if (count <= kMaxIds) return absl::OkStatus();
  return InvalidField(field,
                      "at most " + std::to_string(kMaxIds) + " ids, not " + std::to_string(count));
}

absl::StatusOr<std::vector<int32_t>> NodesOf(
    const graph::AttributionGraph& graph, const std::string& field,
    const google::protobuf::RepeatedPtrField<std::string>& ids) {
  std::vector<int32_t> nodes;
  for (const std::string& id : ids) {
    const std::optional<int32_t> node = graph::NodeWithId(graph, id);
    if (!node) {
      return InvalidField(field + "[" + std::to_string(nodes.size()) + "]",
                          "this graph has no node '" + id +
                              "'; ids are LAYER_FEATURE_POSITION, and as the exported JSON "
                              "gives them");
    }
    nodes.push_back(*node);
  }
  return nodes;
}

// The soft tokens of a picture are a square, row by row.
void SetImagePlace(const graph::AttributionGraph& graph, v1::PathNode* node) {
  for (const auto& run : graph.image_runs) {
    if (node->position() < run.begin || node->position() >= run.end) continue;
    const auto side = static_cast<int32_t>(std::lround(std::sqrt(run.end - run.begin)));
    const int32_t token = node->position() - run.begin;
    v1::ImagePlace* place = node->mutable_image_place();
    place->set_image(run.image);
    place->set_crop(run.crop);
    place->set_row(token / side);
    place->set_column(token % side);
  }
}

void FillNode(const graph::AttributionGraph& graph, int32_t index, v1::PathNode* node) {
  const graph::NodeAddress address = graph::AddressOf(graph, index);
  node->set_id(graph::NodeId(graph, index));
  node->set_kind(ToProto(address.kind));
  node->set_layer(address.layer);
  node->set_position(address.position);
  node->set_index(static_cast<int32_t>(address.index));
  if (address.kind == graph::NodeKind::kLogit) {
    node->set_token(ToValidUtf8(graph.logits[index - graph.first_logit()].token));
  } else {
    node->set_token(ToValidUtf8(graph.token_texts[address.position]));
    SetImagePlace(graph, node);
  }
}

}  // namespace

absl::Status CheckPathsRequest(const v1::FindPathsRequest& request) {
  RETURN_IF_ERROR(CheckIdCount("source_ids", request.source_ids_size()));
  RETURN_IF_ERROR(CheckIdCount("target_ids", request.target_ids_size()));
  return FromProto(request.prune()).status();
}

absl::StatusOr<v1::FindPathsResponse> AnswerFindPaths(const graph::AttributionGraph& graph,
                                                      const v1::FindPathsRequest& request) {
  ASSIGN_OR_RETURN(const graph::PruningOptions prune, FromProto(request.prune()));
  graph::PathQuery query;
  query.min_features = request.min_features();
  query.max_paths = request.has_max_paths() ? request.max_paths() : kDefaultPaths;
  ASSIGN_OR_RETURN(query.sources, NodesOf(graph, "source_ids", request.source_ids()));
  ASSIGN_OR_RETURN(query.targets, NodesOf(graph, "target_ids", request.target_ids()));
  if (query.sources.empty()) {
    query.sources.resize(graph.n_positions());
    std::iota(query.sources.begin(), query.sources.end(), graph.first_token());
  }
  if (query.targets.empty() && graph.n_logits() > 0) query.targets = {graph.first_logit()};
  ASSIGN_OR_RETURN(const graph::PruningResult pruning, graph::PruneGraph(graph, prune));
  ASSIGN_OR_RETURN(const std::vector<graph::GraphPath> paths,
                   graph::FindPaths(graph, pruning.edge_mask, query));
  v1::FindPathsResponse response;
  for (const graph::GraphPath& path : paths) {
    v1::Path* proto = response.add_paths();
    for (const int32_t node : path.nodes) FillNode(graph, node, proto->add_nodes());
    proto->set_strength(path.strength);
    proto->set_sign(path.sign);
  }
  return response;
}

}  // namespace cajal::server
