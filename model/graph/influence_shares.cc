#include "model/graph/influence_shares.h"

#include <map>
#include <tuple>

#include "model/graph/pruning_rules.h"

namespace cajal::graph {

std::vector<InfluenceCell> InfluenceShares(const AttributionGraph& graph,
                                           const PruningResult& pruning) {
  const std::vector<uint8_t> is_image = ImagePositions(graph);
  std::map<std::tuple<NodeKind, int32_t, bool>, InfluenceCell> cells;
  double total = 0;
  for (int32_t node = 0; node < graph.first_logit(); ++node) {
    const NodeAddress address = AddressOf(graph, node);
    const bool image = is_image[address.position] != 0;
    InfluenceCell& cell = cells[{address.kind, address.layer, image}];
    cell.kind = address.kind;
    cell.layer = address.layer;
    cell.is_image = image;
    ++cell.n_nodes;
    cell.share += pruning.node_influence[node];
    total += pruning.node_influence[node];
    if (pruning.node_mask[node] == 0) continue;
    ++cell.n_kept_nodes;
    cell.kept_share += pruning.node_influence[node];
  }
  std::vector<InfluenceCell> result;
  result.reserve(cells.size());
  for (auto& [key, cell] : cells) {
    if (total > 0) {
      cell.share /= total;
      cell.kept_share /= total;
    }
    result.push_back(cell);
  }
  return result;
}

}  // namespace cajal::graph
