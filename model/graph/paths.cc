#include "model/graph/paths.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "model/graph/graph_check.h"
#include "model/graph/influence.h"

namespace cajal::graph {
namespace {

// The end of a path that leads from some source to a node: one edge, and the rest by reference to
// the list that it continues.
struct HalfPath {
  double strength = 1;
  int32_t sign = 1;
  int64_t from = -1;  // key of a list; -1: the path begins here
  int32_t rank = 0;   // in that list
};

bool IsStronger(const HalfPath& a, const HalfPath& b) {
  if (a.strength != b.strength) return a.strength > b.strength;
  if (a.from != b.from) return a.from < b.from;
  return a.rank < b.rank;
}

// Keeps the strongest, sorted.
void Cut(std::vector<HalfPath>* halves, size_t max_paths) {
  const size_t kept = std::min(halves->size(), max_paths);
  std::partial_sort(halves->begin(), halves->begin() + kept, halves->end(), IsStronger);
  halves->resize(kept);
}

// The strongest half paths to each node, strongest first, in a list for each number of features on
// them; the last list counts all from min_features up. Without the numbers apart, strong paths with
// too few features would push out those that have enough in the end.
class HalfPaths {
 public:
  HalfPaths(const AttributionGraph& graph, const PathQuery& query)
      : graph_(graph),
        n_counts_(query.min_features + 1),
        max_paths_(query.max_paths),
        lists_(static_cast<size_t>(graph.n_nodes()) * n_counts_) {}

  // Lets paths begin at the node.
  void Begin(int32_t node) {
    std::vector<HalfPath>& list = lists_[Key(node, CountAt(node, 0))];
    list.push_back({});
    Cut(&list, max_paths_);
  }

  // Finds the half paths that end with an edge into `row`. All sources of the row have theirs.
  void Extend(int32_t row, std::span<const uint8_t> edge_mask) {
    const EdgeMatrix& edges = graph_.edges;
    double row_sum = 0;
    for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
      row_sum += std::abs(edges.weights[e]);
    }
    row_sum = std::max(row_sum, kMinRowSum);
    for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
      if (!edge_mask.empty() && edge_mask[e] == 0) continue;
      const double share = std::abs(edges.weights[e]) / row_sum;
      const int32_t sign = edges.weights[e] < 0 ? -1 : 1;
      for (int32_t count = 0; count < n_counts_; ++count) {
        const int64_t from = Key(edges.columns[e], count);
        std::vector<HalfPath>& list = lists_[Key(row, CountAt(row, count))];
        for (size_t rank = 0; rank < lists_[from].size(); ++rank) {
          const HalfPath& half = lists_[from][rank];
          list.push_back(
              {half.strength * share, half.sign * sign, from, static_cast<int32_t>(rank)});
        }
        // Now and then, so that the list stays short and is not sorted at each edge.
        if (list.size() > 4 * max_paths_ + 1024) Cut(&list, max_paths_);
      }
    }
    for (int32_t count = 0; count < n_counts_; ++count) Cut(&lists_[Key(row, count)], max_paths_);
  }

  // The paths to `node` that have enough features, but those that begin there.
  void AppendTo(int32_t node, std::vector<GraphPath>* paths) const {
    for (const HalfPath& half : lists_[Key(node, n_counts_ - 1)]) {
      if (half.from < 0) continue;
      GraphPath path{{node}, half.strength, half.sign};
      for (const HalfPath* step = &half; step->from >= 0; step = &lists_[step->from][step->rank]) {
        path.nodes.push_back(static_cast<int32_t>(step->from / n_counts_));
      }
      std::reverse(path.nodes.begin(), path.nodes.end());
      paths->push_back(std::move(path));
    }
  }

 private:
  [[nodiscard]] int64_t Key(int32_t node, int32_t count) const {
    return static_cast<int64_t>(node) * n_counts_ + count;
  }
  // Features on a path with `count` of them after it has reached `node`.
  [[nodiscard]] int32_t CountAt(int32_t node, int32_t count) const {
    const bool is_feature = node < graph_.n_selected();
    return std::min(count + (is_feature ? 1 : 0), n_counts_ - 1);
  }

  const AttributionGraph& graph_;
  const int32_t n_counts_;
  const size_t max_paths_;
  std::vector<std::vector<HalfPath>> lists_;
};

// The edge is there.
double WeightOf(const EdgeMatrix& edges, int32_t target, int32_t source) {
  const auto row = edges.columns.begin() + edges.row_begin[target];
  const auto end = edges.columns.begin() + edges.row_begin[target + 1];
  return edges.weights[std::lower_bound(row, end, source) - edges.columns.begin()];
}

std::optional<double> EffectOf(const AttributionGraph& graph, const std::vector<int32_t>& path) {
  double effect = WeightOf(graph.edges, path[1], path[0]);
  for (size_t i = 2; i < path.size(); ++i) {
    const double pre_activation = graph.pre_activations[path[i - 1]];
    if (pre_activation == 0) return std::nullopt;
    effect *= WeightOf(graph.edges, path[i], path[i - 1]) / pre_activation;
  }
  return effect;
}

// Which nodes are in the set. [n_nodes].
absl::StatusOr<std::vector<uint8_t>> MaskOf(const AttributionGraph& graph,
                                            const std::vector<int32_t>& nodes, const char* field) {
  std::vector<uint8_t> mask(graph.n_nodes(), 0);
  for (const int32_t node : nodes) {
    if (node < 0 || node >= graph.n_nodes()) {
      return InvalidField(field, "node " + std::to_string(node) +
                                     " does not exist; the graph has nodes 0 to " +
                                     std::to_string(graph.n_nodes() - 1));
    }
    if (mask[node] != 0) {
      return InvalidField(field, "node " + std::to_string(node) + " stands twice");
    }
    mask[node] = 1;
  }
  return mask;
}

absl::Status CheckRange(const char* field, int32_t value, int32_t least, int32_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return InvalidField(field, "must be within " + std::to_string(least) + " and " +
                                 std::to_string(most) + ", not " + std::to_string(value));
}

}  // namespace

absl::StatusOr<std::vector<GraphPath>> FindPaths(const AttributionGraph& graph,
                                                 std::span<const uint8_t> edge_mask,
                                                 const PathQuery& query) {
  RETURN_IF_ERROR(CheckRange("max_paths", query.max_paths, 1, kMaxPaths));
  RETURN_IF_ERROR(CheckRange("min_features", query.min_features, 0, kMaxMinFeatures));
  ASSIGN_OR_RETURN(const std::vector<uint8_t> is_source, MaskOf(graph, query.sources, "sources"));
  ASSIGN_OR_RETURN(const std::vector<uint8_t> is_target, MaskOf(graph, query.targets, "targets"));
  RETURN_IF_ERROR(CheckLayerOrder(graph));

  // Errors and tokens have no row, features ascend by layer and logits come last: when a row is
  // reached, the lists of all its sources are complete.
  HalfPaths halves(graph, query);
  for (int32_t node = graph.first_error(); node < graph.first_logit(); ++node) {
    if (is_source[node] != 0) halves.Begin(node);
  }
  std::vector<GraphPath> paths;
  const auto visit = [&](int32_t row) {
    halves.Extend(row, edge_mask);
    if (is_target[row] != 0) halves.AppendTo(row, &paths);
    if (is_source[row] != 0) halves.Begin(row);
  };
  for (int32_t row = 0; row < graph.n_selected(); ++row) visit(row);
  for (int32_t row = graph.first_logit(); row < graph.n_nodes(); ++row) visit(row);

  const size_t kept = std::min(paths.size(), static_cast<size_t>(query.max_paths));
  std::partial_sort(paths.begin(), paths.begin() + kept, paths.end(),
                    [](const GraphPath& a, const GraphPath& b) {
                      return a.strength != b.strength ? a.strength > b.strength : a.nodes < b.nodes;
                    });
  paths.resize(kept);
  for (GraphPath& path : paths) path.effect = EffectOf(graph, path.nodes);
  return paths;
}

}  // namespace cajal::graph
