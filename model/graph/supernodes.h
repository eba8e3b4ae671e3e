// Supernodes: named groups of nodes, which may hold other supernodes.
//
// People write them down by node ids and names (Supernode); what computes with them wants node
// indices and who lies in whom (SupernodeForest). Groups do not overlap: a node or a supernode is a
// member of one supernode at most.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

struct Supernode {
  std::string name;
  std::vector<std::string> members;  // ids of nodes (node.h) and names of other supernodes

  bool operator==(const Supernode&) const = default;
};

inline constexpr int32_t kMaxSupernodes = 10000;
inline constexpr int32_t kMaxSupernodeMembers = 4000;  // of one supernode
inline constexpr size_t kMaxSupernodeNameBytes = 128;

// Supernodes of one graph, each entry that of the list's supernode with the same index.
struct SupernodeForest {
  struct Entry {
    std::string name;
    int32_t parent = -1;            // the supernode that it is a member of; -1: none
    std::vector<int32_t> children;  // supernodes that are its members, as listed
    std::vector<int32_t> nodes;     // all nodes in it and in what it holds; ascending
  };
  std::vector<Entry> entries;

  // The supernode with this name; -1 if there is none.
  [[nodiscard]] int32_t Find(const std::string& name) const;
};

// Errors are InvalidField with "`field`[2].name" or "`field`[2].members[7]": more of them than the
// limits above; a name that is empty, too long, has a comma or a control character, is the name of
// a set of nodes (node_set.h), reads as a node's id, or stands twice; a supernode without members;
// a member that does not exist, is in two supernodes, or holds the supernode itself.
absl::StatusOr<SupernodeForest> ResolveSupernodes(const AttributionGraph& graph,
                                                  std::span<const Supernode> supernodes,
                                                  const std::string& field = "supernodes");

}  // namespace cajal::graph
