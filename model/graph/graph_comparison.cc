#include "model/graph/graph_comparison.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>

#include "model/graph/node.h"

namespace cajal::graph {
namespace {

bool Differ(double a, double b, double tolerance) {
  return std::abs(a - b) > tolerance * std::max(std::abs(a), std::abs(b));
}

// A feature's node, or -1.
int32_t FindFeature(const AttributionGraph& graph, int32_t layer, int32_t position,
                    int32_t feature) {
  const auto key = [&graph](int64_t active) {
    const FeatureNode& node = graph.active_features[active];
    return std::tuple(node.layer, node.position, node.feature);
  };
  const std::tuple wanted(layer, position, feature);
  const auto& selected = graph.selected_features;
  const auto found =
      std::lower_bound(selected.begin(), selected.end(), wanted,
                       [&key](int64_t active, const auto& value) { return key(active) < value; });
  if (found == selected.end() || key(*found) != wanted) return -1;
  return static_cast<int32_t>(found - selected.begin());
}

// The node of `to` that is the same as `node` of `from`, or -1. `position_of`: positions of `to` by
// those of `from`.
int32_t Counterpart(const AttributionGraph& from, int32_t node, const AttributionGraph& to,
                    std::span<const int32_t> position_of) {
  const NodeAddress address = AddressOf(from, node);
  const int32_t position = position_of[address.position];
  if (position < 0) return -1;
  switch (address.kind) {
    case NodeKind::kFeature:
      return FindFeature(to, address.layer, position, static_cast<int32_t>(address.index));
    case NodeKind::kError:
      return to.first_error() + address.layer * to.n_positions() + position;
    case NodeKind::kToken:
      return to.first_token() + position;
    case NodeKind::kLogit:
      break;
  }
  const LogitNode& logit = from.logits[node - from.first_logit()];
  for (int32_t i = 0; i < to.n_logits(); ++i) {
    const LogitNode& candidate = to.logits[i];
    if (candidate.token_id == logit.token_id && candidate.token == logit.token &&
        candidate.PositionIn(to.n_positions()) == position) {
      return to.first_logit() + i;
    }
  }
  return -1;
}

bool HasAnotherValue(const AttributionGraph& base, int32_t a, const AttributionGraph& other,
                     int32_t b, double tolerance) {
  if (a < base.n_selected()) {
    return Differ(base.active_features[base.selected_features[a]].activation,
                  other.active_features[other.selected_features[b]].activation, tolerance);
  }
  if (a >= base.first_logit()) {
    return Differ(base.logits[a - base.first_logit()].probability,
                  other.logits[b - other.first_logit()].probability, tolerance);
  }
  return a >= base.first_token() && AddressOf(base, a).index != AddressOf(other, b).index;
}

// 0 where there is none. A node of -1 has no edges.
float WeightOf(const AttributionGraph& graph, int32_t target, int32_t source) {
  if (target < 0 || source < 0) return 0;
  const EdgeMatrix& edges = graph.edges;
  const auto begin = edges.columns.begin() + edges.row_begin[target];
  const auto end = edges.columns.begin() + edges.row_begin[target + 1];
  const auto found = std::lower_bound(begin, end, source);
  return found == end || *found != source ? 0 : edges.weights[found - edges.columns.begin()];
}

bool IsKept(const PrunedGraph& pruned, int32_t target, int32_t source) {
  if (target < 0 || source < 0) return false;
  const EdgeMatrix& edges = pruned.graph->edges;
  const auto begin = edges.columns.begin() + edges.row_begin[target];
  const auto end = edges.columns.begin() + edges.row_begin[target + 1];
  const auto found = std::lower_bound(begin, end, source);
  return found != end && *found == source && pruned.edge_mask[found - edges.columns.begin()] != 0;
}

class Comparison {
 public:
  Comparison(const PrunedGraph& base, const PrunedGraph& other, double tolerance)
      : base_(base),
        other_(other),
        tolerance_(tolerance),
        base_place_(base.graph->n_nodes(), -1),
        other_place_(other.graph->n_nodes(), -1) {}

  GraphComparison Run() {
    result_.alignment = AlignPositions(*base_.graph, *other_.graph);
    CompareNodes();
    AddBaseEdges();
    AddOtherEdges();
    std::sort(result_.edges.begin(), result_.edges.end(), [](const auto& a, const auto& b) {
      return std::tuple(a.target, a.source) < std::tuple(b.target, b.source);
    });
    return std::move(result_);
  }

 private:
  void CompareNodes() {
    for (int32_t node = 0; node < base_.graph->n_nodes(); ++node) {
      if (base_.node_mask[node] == 0) continue;
      const int32_t same =
          Counterpart(*base_.graph, node, *other_.graph, result_.alignment.other_of);
      Change change = Change::kLost;
      if (same >= 0 && other_.node_mask[same] != 0) {
        change = HasAnotherValue(*base_.graph, node, *other_.graph, same, tolerance_)
                     ? Change::kChanged
                     : Change::kSame;
      }
      Add({change, node, same});
    }
    for (int32_t node = 0; node < other_.graph->n_nodes(); ++node) {
      if (other_.node_mask[node] == 0 || other_place_[node] >= 0) continue;
      Add({Change::kGained,
           Counterpart(*other_.graph, node, *base_.graph, result_.alignment.base_of), node});
    }
  }

  void Add(const ComparedNode& node) {
    const auto place = static_cast<int32_t>(result_.nodes.size());
    if (node.base >= 0) base_place_[node.base] = place;
    if (node.other >= 0) other_place_[node.other] = place;
    result_.nodes.push_back(node);
  }

  void AddBaseEdges() {
    const EdgeMatrix& edges = base_.graph->edges;
    for (int32_t row = 0; row < base_.graph->n_nodes(); ++row) {
      for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
        if (base_.edge_mask[e] == 0) continue;
        ComparedEdge edge{Change::kLost, base_place_[edges.columns[e]], base_place_[row],
                          edges.weights[e], 0};
        const int32_t target = result_.nodes[edge.target].other;
        const int32_t source = result_.nodes[edge.source].other;
        edge.other_weight = WeightOf(*other_.graph, target, source);
        if (IsKept(other_, target, source)) {
          edge.change = Differ(edge.base_weight, edge.other_weight, tolerance_) ? Change::kChanged
                                                                                : Change::kSame;
        }
        result_.edges.push_back(edge);
      }
    }
  }

  // Those that the base does not keep.
  void AddOtherEdges() {
    const EdgeMatrix& edges = other_.graph->edges;
    for (int32_t row = 0; row < other_.graph->n_nodes(); ++row) {
      for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
        if (other_.edge_mask[e] == 0) continue;
        ComparedEdge edge{Change::kGained, other_place_[edges.columns[e]], other_place_[row], 0,
                          edges.weights[e]};
        const int32_t target = result_.nodes[edge.target].base;
        const int32_t source = result_.nodes[edge.source].base;
        if (IsKept(base_, target, source)) continue;
        edge.base_weight = WeightOf(*base_.graph, target, source);
        result_.edges.push_back(edge);
      }
    }
  }

  const PrunedGraph& base_;
  const PrunedGraph& other_;
  const double tolerance_;
  GraphComparison result_;
  std::vector<int32_t> base_place_;  // of each node index in result_.nodes; -1: not there
  std::vector<int32_t> other_place_;
};

}  // namespace

absl::StatusOr<GraphComparison> CompareGraphs(const PrunedGraph& base, const PrunedGraph& other,
                                              double tolerance) {
  if (!(tolerance >= 0 && tolerance <= 1)) {
    return InvalidField("tolerance", "must be in [0, 1], got " + std::to_string(tolerance));
  }
  if (base.graph->n_layers != other.graph->n_layers) {
    return InvalidField("other", "is of a model with " + std::to_string(other.graph->n_layers) +
                                     " layers, the base of one with " +
                                     std::to_string(base.graph->n_layers));
  }
  return Comparison(base, other, tolerance).Run();
}

}  // namespace cajal::graph
