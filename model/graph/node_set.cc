#include "model/graph/node_set.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "model/base/status.h"
#include "model/graph/node.h"

namespace cajal::graph {
namespace {

constexpr char kLayersPrefix[] = "layers:";
constexpr std::array<const char*, 6> kSetNames = {"tokens",   "image",  "text",
                                                  "features", "errors", "logits"};

bool IsImagePosition(const AttributionGraph& graph, int32_t position) {
  return std::any_of(graph.image_runs.begin(), graph.image_runs.end(), [position](const auto& run) {
    return position >= run.begin && position < run.end;
  });
}

bool IsInKindSet(const AttributionGraph& graph, const std::string& name, int32_t node) {
  const NodeAddress address = AddressOf(graph, node);
  switch (address.kind) {
    case NodeKind::kFeature:
      return name == "features";
    case NodeKind::kError:
      return name == "errors";
    case NodeKind::kLogit:
      return name == "logits";
    case NodeKind::kToken:
      break;
  }
  return name == "tokens" || name == (IsImagePosition(graph, address.position) ? "image" : "text");
}

// "layers:3-5" as 3 and 5.
std::optional<std::pair<int32_t, int32_t>> LayersOf(const std::string& name) {
  const std::vector<std::string> ends = absl::StrSplit(name.substr(sizeof(kLayersPrefix) - 1), '-');
  std::pair<int32_t, int32_t> layers;
  if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &layers.first) ||
      !absl::SimpleAtoi(ends.back(), &layers.second)) {
    return std::nullopt;
  }
  return layers;
}

void AppendWhere(const AttributionGraph& graph, const std::function<bool(int32_t)>& is_wanted,
                 std::vector<int32_t>* nodes) {
  for (int32_t node = 0; node < graph.n_nodes(); ++node) {
    if (is_wanted(node)) nodes->push_back(node);
  }
}

// Appends the nodes of one name; an error says what is permitted, without the field.
absl::Status AppendNamed(const AttributionGraph& graph, const SupernodeForest& supernodes,
                         const std::string& name, const std::string& field,
                         std::vector<int32_t>* nodes) {
  if (const std::optional<int32_t> node = NodeWithId(graph, name)) {
    nodes->push_back(*node);
    return absl::OkStatus();
  }
  if (absl::StartsWith(name, kLayersPrefix)) {
    const auto layers = LayersOf(name);
    if (!layers || layers->first > layers->second || layers->first < 0 ||
        layers->second >= graph.n_layers) {
      return InvalidField(field,
                          absl::StrCat("'", name, "' must be layers:A-B with layers from 0 to ",
                                       graph.n_layers - 1));
    }
    AppendWhere(
        graph,
        [&](int32_t node) {
          const NodeAddress address = AddressOf(graph, node);
          return address.kind == NodeKind::kFeature && address.layer >= layers->first &&
                 address.layer <= layers->second;
        },
        nodes);
    return absl::OkStatus();
  }
  if (IsSetName(name)) {
    AppendWhere(
        graph, [&](int32_t node) { return IsInKindSet(graph, name, node); }, nodes);
    return absl::OkStatus();
  }
  const int32_t supernode = supernodes.Find(name);
  if (supernode < 0) {
    return InvalidField(
        field, absl::StrCat("this graph has no node, set or supernode '", name,
                            "'; nodes are LAYER_FEATURE_POSITION, and as the exported JSON gives "
                            "them, sets ",
                            absl::StrJoin(kSetNames, ", "), " and layers:A-B"));
  }
  const std::vector<int32_t>& members = supernodes.entries[supernode].nodes;
  nodes->insert(nodes->end(), members.begin(), members.end());
  return absl::OkStatus();
}

}  // namespace

bool IsSetName(const std::string& name) {
  return absl::StartsWith(name, kLayersPrefix) ||
         std::find(kSetNames.begin(), kSetNames.end(), name) != kSetNames.end();
}

absl::StatusOr<std::vector<int32_t>> NodesNamed(const AttributionGraph& graph,
                                                const SupernodeForest& supernodes,
                                                std::span<const std::string> names,
                                                const std::string& field) {
  std::vector<int32_t> nodes;
  for (size_t i = 0; i < names.size(); ++i) {
    RETURN_IF_ERROR(AppendNamed(graph, supernodes, names[i], FieldItem(field, i), &nodes));
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

}  // namespace cajal::graph
