#include "model/graph/supernodes.h"

#include <algorithm>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "model/base/status.h"
#include "model/graph/node.h"
#include "model/graph/node_set.h"

namespace cajal::graph {
namespace {

using Indices = absl::flat_hash_map<std::string, int32_t>;  // of supernodes, by name

std::string MemberPlace(const std::string& field, size_t supernode, size_t member) {
  return absl::StrCat(FieldItem(field, supernode), ".members[", member, "]");
}

// "3_17_2", "E_9_4", whether or not the graph has that node.
bool ReadsAsNodeId(const std::string& name) {
  size_t underscores = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool is_mark = name[i] == '-' || (name[i] == 'E' && i == 0);
    if (name[i] == '_') {
      ++underscores;
    } else if (!is_mark && (name[i] < '0' || name[i] > '9')) {
      return false;
    }
  }
  return underscores == 2;
}

absl::Status CheckName(const std::string& name, const std::string& field) {
  const auto is_forbidden = [](unsigned char c) { return c < 0x20 || c == 0x7F || c == ','; };
  if (name.empty() || name.size() > kMaxSupernodeNameBytes ||
      std::any_of(name.begin(), name.end(), is_forbidden)) {
    return InvalidField(field, absl::StrCat("must be 1 to ", kMaxSupernodeNameBytes,
                                            " bytes without commas and control characters"));
  }
  if (IsSetName(name)) {
    return InvalidField(field, absl::StrCat("'", name, "' names a set of nodes already"));
  }
  if (ReadsAsNodeId(name)) {
    return InvalidField(field, absl::StrCat("'", name, "' reads as the id of a node"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Indices> IndexNames(std::span<const Supernode> supernodes,
                                   const std::string& field) {
  if (supernodes.size() > kMaxSupernodes) {
    return InvalidField("supernodes",
                        absl::StrCat("at most ", kMaxSupernodes, ", not ", supernodes.size()));
  }
  Indices indices;
  for (size_t i = 0; i < supernodes.size(); ++i) {
    const std::string name_field = absl::StrCat(FieldItem(field, i), ".name");
    RETURN_IF_ERROR(CheckName(supernodes[i].name, name_field));
    if (!indices.emplace(supernodes[i].name, static_cast<int32_t>(i)).second) {
      return InvalidField(name_field, absl::StrCat("'", supernodes[i].name, "' stands twice"));
    }
    const size_t n_members = supernodes[i].members.size();
    if (n_members == 0 || n_members > kMaxSupernodeMembers) {
      return InvalidField(absl::StrCat(FieldItem(field, i), ".members"),
                          absl::StrCat("must be 1 to ", kMaxSupernodeMembers, ", not ", n_members));
    }
  }
  return indices;
}

// A supernode that holds itself is one that following the parents comes back to.
absl::Status CheckAcyclic(const std::vector<SupernodeForest::Entry>& entries,
                          const std::string& field) {
  for (size_t i = 0; i < entries.size(); ++i) {
    // No chain of parents is longer than the list unless it goes round.
    int32_t ancestor = entries[i].parent;
    for (size_t steps = 0; ancestor >= 0 && steps < entries.size(); ++steps) {
      if (ancestor == static_cast<int32_t>(i)) {
        return InvalidField(absl::StrCat(FieldItem(field, i), ".members"),
                            absl::StrCat("'", entries[i].name, "' holds itself"));
      }
      ancestor = entries[ancestor].parent;
    }
  }
  return absl::OkStatus();
}

}  // namespace

int32_t SupernodeForest::Find(const std::string& name) const {
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].name == name) return static_cast<int32_t>(i);
  }
  return -1;
}

absl::StatusOr<SupernodeForest> ResolveSupernodes(const AttributionGraph& graph,
                                                  std::span<const Supernode> supernodes,
                                                  const std::string& field) {
  ASSIGN_OR_RETURN(const Indices indices, IndexNames(supernodes, field));
  SupernodeForest forest;
  forest.entries.resize(supernodes.size());
  for (size_t i = 0; i < supernodes.size(); ++i) forest.entries[i].name = supernodes[i].name;

  std::vector<int32_t> holder(graph.n_nodes(), -1);
  for (size_t i = 0; i < supernodes.size(); ++i) {
    for (size_t m = 0; m < supernodes[i].members.size(); ++m) {
      const std::string& member = supernodes[i].members[m];
      const std::optional<int32_t> node = NodeWithId(graph, member);
      const auto supernode = indices.find(member);
      if (!node && supernode == indices.end()) {
        return InvalidField(MemberPlace(field, i, m),
                            absl::StrCat("this graph has no node and no supernode '", member, "'"));
      }
      int32_t& parent = node ? holder[*node] : forest.entries[supernode->second].parent;
      if (parent >= 0) {
        return InvalidField(
            MemberPlace(field, i, m),
            absl::StrCat("'", member, "' is a member of '", supernodes[parent].name, "' already"));
      }
      parent = static_cast<int32_t>(i);
      if (!node) forest.entries[i].children.push_back(supernode->second);
    }
  }
  RETURN_IF_ERROR(CheckAcyclic(forest.entries, field));
  for (int32_t node = 0; node < graph.n_nodes(); ++node) {
    for (int32_t i = holder[node]; i >= 0; i = forest.entries[i].parent) {
      forest.entries[i].nodes.push_back(node);
    }
  }
  return forest;
}

}  // namespace cajal::graph
