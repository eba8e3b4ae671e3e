#include "server/node_conversion.h"

#include <cmath>

#include "model/base/status.h"
#include "model/graph/node.h"
#include "model/graph/node_set.h"
#include "server/graph_conversion.h"
#include "server/prompt_conversion.h"

namespace cajal::server {
namespace {

constexpr int kMaxIds = 10000;

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

}  // namespace

absl::Status CheckNodeIds(const google::protobuf::RepeatedPtrField<std::string>& ids,
                          const std::string& field) {
  if (ids.size() <= kMaxIds) return absl::OkStatus();
  return InvalidField(
      field, "at most " + std::to_string(kMaxIds) + " ids, not " + std::to_string(ids.size()));
}

absl::StatusOr<std::vector<int32_t>> NodesFromProto(
    const graph::AttributionGraph& graph, const graph::SupernodeForest& supernodes,
    const google::protobuf::RepeatedPtrField<std::string>& ids, const std::string& field) {
  return graph::NodesNamed(graph, supernodes, std::vector<std::string>(ids.begin(), ids.end()),
                           field);
}

v1::PathNode ToPathNode(const graph::AttributionGraph& graph, int32_t node) {
  const graph::NodeAddress address = graph::AddressOf(graph, node);
  v1::PathNode proto;
  proto.set_id(graph::NodeId(graph, node));
  proto.set_kind(ToProto(address.kind));
  proto.set_layer(address.layer);
  proto.set_position(address.position);
  proto.set_index(static_cast<int32_t>(address.index));
  if (address.kind == graph::NodeKind::kLogit) {
    proto.set_token(ToValidUtf8(graph.logits[node - graph.first_logit()].token));
  } else {
    proto.set_token(ToValidUtf8(graph.token_texts[address.position]));
    SetImagePlace(graph, &proto);
  }
  return proto;
}

}  // namespace cajal::server
