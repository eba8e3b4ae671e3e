// What the file that a graph was imported from says beyond nodes and edges.
//
// circuit-tracer's JSON holds what pruning kept, with the influences of the whole graph. Cajal
// cannot compute these anew, since the rest of the graph is not there; it keeps them, so that an
// export gives back what was imported. Influence, pruning and scores of such a graph are those of
// the edges that it has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cajal::graph {

struct ImportedPart {
  // The file's `metadata` without `prompt` and `prompt_tokens`: the text of a JSON object.
  std::string metadata_json = "{}";
  // Ascending indices of the nodes that the file lists. Cajal's node order has all errors and
  // tokens; those that are not listed have no edges.
  std::vector<int32_t> nodes;
  // The file's `influence` of each of `nodes`: the share of all influence that nodes at least as
  // influential carry. -1 = the file has none.
  std::vector<float> influence;
};

}  // namespace cajal::graph
