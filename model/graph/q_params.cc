#include "model/graph/q_params.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/graph/node.h"
#include "model/graph/supernodes.h"

namespace cajal::graph {
namespace {

using nlohmann::json;

constexpr size_t kMaxPins = 10000;

// The nodes among values[begin], values[begin + 1], …, each once.
std::vector<std::string> NodesAmong(const AttributionGraph& graph, const json& values, size_t begin,
                                    size_t max, const NodeOfId& node_of_id) {
  std::vector<std::string> ids;
  std::set<int32_t> seen;
  for (size_t i = begin; i < values.size() && ids.size() < max; ++i) {
    if (!values[i].is_string()) continue;
    const std::optional<int32_t> node = node_of_id(values[i].get_ref<const std::string&>());
    if (node && seen.insert(*node).second) ids.push_back(NodeId(graph, *node));
  }
  return ids;
}

json ListOf(const json& q_params, const char* key) {
  const auto found = q_params.find(key);
  return found != q_params.end() && found->is_array() ? *found : json::array();
}

// At most `max` bytes, without half a character at the end.
std::string CutTo(const std::string& text, size_t max) {
  if (text.size() <= max) return text;
  size_t end = max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

std::string PlainName(const std::string& said) {
  std::string name;
  for (const char c : CutTo(said, kMaxSupernodeNameBytes)) {
    const bool is_plain = c != ',' && static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
    name += is_plain ? c : ' ';
  }
  return name.empty() ? "group" : name;
}

// Takes a file's groups one by one and keeps what Cajal allows.
class GroupCollector {
 public:
  GroupCollector(const AttributionGraph& graph, const NodeOfId& node_of_id)
      : graph_(graph), node_of_id_(node_of_id) {}

  void Add(const json& group) {
    if (std::ssize(supernodes_) == kMaxSupernodes) return;
    if (!group.is_array() || group.empty() || !group[0].is_string()) return;
    Supernode added{.name = {},
                    .members = NodesAmong(graph_, group, 1, kMaxSupernodeMembers, node_of_id_)};
    for (const std::string& member : added.members) {
      if (taken_.contains(member)) return;
    }
    const std::string name = PlainName(group[0].get<std::string>());
    const std::string number = absl::StrCat(" (", supernodes_.size() + 1, ")");
    for (const std::string& tried :
         {name, CutTo(name, kMaxSupernodeNameBytes - number.size()) + number}) {
      added.name = tried;
      if (names_.contains(tried) || !ResolveSupernodes(graph_, {&added, 1}).ok()) continue;
      names_.insert(tried);
      taken_.insert(added.members.begin(), added.members.end());
      supernodes_.push_back(std::move(added));
      return;
    }
  }

  std::vector<Supernode> Take() { return std::move(supernodes_); }

 private:
  const AttributionGraph& graph_;
  const NodeOfId& node_of_id_;
  std::vector<Supernode> supernodes_;
  std::set<std::string> names_;
  std::set<std::string> taken_;  // the members of all
};

}  // namespace

nlohmann::ordered_json QParamsOf(const AttributionGraph& graph, const PruningResult& pruning,
                                 const Annotations& annotations) {
  auto pins = nlohmann::ordered_json::array();
  for (const std::string& id : annotations.pins) {
    const std::optional<int32_t> node = NodeWithId(graph, id);
    if (node && pruning.node_mask[*node] != 0) pins.push_back(id);
  }
  auto groups = nlohmann::ordered_json::array();
  const absl::StatusOr<SupernodeForest> forest = ResolveSupernodes(graph, annotations.supernodes);
  for (size_t i = 0; forest.ok() && i < forest->entries.size(); ++i) {
    const SupernodeForest::Entry& entry = forest->entries[i];
    if (entry.parent >= 0) continue;
    auto group = nlohmann::ordered_json::array({entry.name});
    for (const int32_t node : entry.nodes) {
      if (pruning.node_mask[node] != 0) group.push_back(NodeId(graph, node));
    }
    if (group.size() > 1) groups.push_back(std::move(group));
  }
  nlohmann::ordered_json q_params;
  q_params["pinnedIds"] = std::move(pins);
  q_params["supernodes"] = std::move(groups);
  q_params["linkType"] = "both";
  q_params["clickedId"] = "";
  q_params["sg_pos"] = "";
  return q_params;
}

Annotations AnnotationsFromQParams(const AttributionGraph& graph, const json& q_params,
                                   const NodeOfId& node_of_id) {
  Annotations annotations;
  if (!q_params.is_object()) return annotations;
  annotations.pins = NodesAmong(graph, ListOf(q_params, "pinnedIds"), 0, kMaxPins, node_of_id);
  GroupCollector groups(graph, node_of_id);
  for (const json& group : ListOf(q_params, "supernodes")) groups.Add(group);
  annotations.supernodes = groups.Take();
  return annotations;
}

}  // namespace cajal::graph
