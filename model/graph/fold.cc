#include "model/graph/fold.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cajal::graph {
namespace {

bool IsKept(std::span<const uint8_t> mask, int64_t index) {
  return mask.empty() || mask[index] != 0;
}

// Whether the supernode is seen itself: it is closed, and everything that holds it is opened.
bool IsOutermost(const SupernodeForest& forest, std::span<const uint8_t> opened, int32_t entry) {
  const auto is_open = [&opened](int32_t i) { return !opened.empty() && opened[i] != 0; };
  if (is_open(entry)) return false;
  for (int32_t i = forest.entries[entry].parent; i >= 0; i = forest.entries[i].parent) {
    if (!is_open(i)) return false;
  }
  return true;
}

// The edges into one node of the folded graph while they are added up.
class RowSums {
 public:
  explicit RowSums(int32_t n_indices) : sums_(n_indices) {}

  void Add(int32_t source, float weight) {
    Sum& sum = sums_[source];
    if (sum.count == 0) sources_.push_back(source);
    sum.weight += weight;
    sum.magnitude += std::abs(weight);
    ++sum.count;
  }

  // Moves the row into the graph; what comes from the target itself into `inside`.
  void Finish(int32_t target, FoldedGraph* folded, FoldedGraph::Inside* inside) {
    std::sort(sources_.begin(), sources_.end());
    for (const int32_t source : sources_) {
      const Sum sum = sums_[source];
      sums_[source] = {};
      if (source == target) {
        inside->n_edges = sum.count;
        inside->weight = sum.weight;
        inside->magnitude = sum.magnitude;
        continue;
      }
      folded->targets.push_back(target);
      folded->sources.push_back(source);
      folded->weights.push_back(static_cast<float>(sum.weight));
      folded->magnitudes.push_back(static_cast<float>(sum.magnitude));
      folded->counts.push_back(sum.count);
    }
    sources_.clear();
  }

 private:
  struct Sum {
    double weight = 0;
    double magnitude = 0;
    int32_t count = 0;
  };
  std::vector<Sum> sums_;
  std::vector<int32_t> sources_;  // those with a count
};

}  // namespace

FoldedGraph Fold(const AttributionGraph& graph, const SupernodeForest& forest,
                 std::span<const uint8_t> opened, std::span<const uint8_t> node_mask,
                 std::span<const uint8_t> edge_mask) {
  const int32_t n_nodes = graph.n_nodes();
  const auto n_supernodes = static_cast<int32_t>(forest.entries.size());
  std::vector<int32_t> seen_as(n_nodes);  // index of what stands for a node
  std::iota(seen_as.begin(), seen_as.end(), 0);
  for (int32_t i = 0; i < n_supernodes; ++i) {
    if (!IsOutermost(forest, opened, i)) continue;
    for (const int32_t node : forest.entries[i].nodes) seen_as[node] = n_nodes + i;
  }

  FoldedGraph folded;
  RowSums row(n_nodes + n_supernodes);
  const auto add_row = [&](int32_t node) {
    for (int64_t e = graph.edges.row_begin[node]; e < graph.edges.row_begin[node + 1]; ++e) {
      const int32_t source = graph.edges.columns[e];
      if (!IsKept(edge_mask, e) || !IsKept(node_mask, source)) continue;
      row.Add(seen_as[source], graph.edges.weights[e]);
    }
  };
  for (int32_t node = 0; node < n_nodes; ++node) {
    if (seen_as[node] != node || !IsKept(node_mask, node)) continue;
    folded.nodes.push_back(node);
    add_row(node);
    FoldedGraph::Inside nothing;
    row.Finish(node, &folded, &nothing);
  }
  for (int32_t i = 0; i < n_supernodes; ++i) {
    if (!IsOutermost(forest, opened, i)) continue;
    FoldedGraph::Inside inside{.supernode = i};
    for (const int32_t node : forest.entries[i].nodes) {
      if (!IsKept(node_mask, node)) continue;
      ++inside.n_nodes;
      add_row(node);
    }
    if (inside.n_nodes == 0) continue;
    folded.nodes.push_back(n_nodes + i);
    row.Finish(n_nodes + i, &folded, &inside);
    folded.insides.push_back(inside);
  }
  return folded;
}

}  // namespace cajal::graph
