#include "model/graph/pruning_rules.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/graph/node.h"
#include "model/graph/score_threshold.h"

namespace cajal::graph {
namespace {

absl::Status CheckShare(const std::string& field, double value) {
  if (value >= 0 && value <= 1) return absl::OkStatus();  // false for NaN
  return InvalidField(field, "must be in [0, 1], got " + std::to_string(value));
}

absl::Status CheckRange(const std::string& what, int32_t first, int32_t last) {
  if (first < 0) return InvalidField(what, "must not begin below 0, got " + std::to_string(first));
  if (first <= last) return absl::OkStatus();
  return InvalidField(what, "must not end before it begins: " + std::to_string(first) + " to " +
                                std::to_string(last));
}

absl::Status Check(const std::string& field, const InfluenceRule& rule) {
  RETURN_IF_ERROR(CheckShare(field + ".influence.node_threshold", rule.node_threshold));
  return CheckShare(field + ".influence.edge_threshold", rule.edge_threshold);
}

absl::Status Check(const std::string& field, const WeightRule& rule) {
  if (rule.min_weight >= 0 && std::isfinite(rule.min_weight)) return absl::OkStatus();
  return InvalidField(field + ".weight.min_weight",
                      "must be finite and at least 0, got " + std::to_string(rule.min_weight));
}

absl::Status Check(const std::string& field, const TopSourcesRule& rule) {
  if (rule.max_sources >= 1) return absl::OkStatus();
  return InvalidField(field + ".top_sources.max_sources",
                      "must be at least 1, got " + std::to_string(rule.max_sources));
}

absl::Status Check(const std::string& field, const PlaceRule& rule) {
  RETURN_IF_ERROR(CheckRange(field + ".place.last_layer", rule.first_layer, rule.last_layer));
  return CheckRange(field + ".place.last_position", rule.first_position, rule.last_position);
}

// Calls visit(edge, score) for every edge of the subgraph and for some others with a score of 0.
template <typename Visit>
void ForEachScore(const EdgeMatrix& edges, const Influence& influence, const Subgraph& subgraph,
                  const Visit& visit) {
  for (size_t row = 0; row < subgraph.nodes.size(); ++row) {
    const double factor = influence.row_factor[row];
    if (factor == 0) continue;
    for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
      visit(e, std::abs(edges.weights[e]) * factor * subgraph.edges[e]);
    }
  }
}

void KeepInfluentialNodes(const AttributionGraph& graph, const PruningFrame& frame, double fraction,
                          Subgraph* subgraph) {
  const std::vector<double> influence =
      ComputeInfluence(graph.edges, frame.logit_weights, subgraph->edges).nodes;
  const double threshold = ScoreThreshold(influence, fraction);
  for (int32_t node = 0; node < graph.first_token(); ++node) {
    const bool is_influential = influence[node] > 0 && influence[node] >= threshold;
    if (!is_influential && frame.keep[node] == 0) subgraph->nodes[node] = 0;
  }
}

void KeepInfluentialEdges(const AttributionGraph& graph, const PruningFrame& frame, double fraction,
                          Subgraph* subgraph) {
  const EdgeMatrix& edges = graph.edges;
  const Influence influence = ComputeInfluence(edges, frame.logit_weights, subgraph->edges);
  ScoreSelection selection(fraction);
  ForEachScore(edges, influence, *subgraph, [&](int64_t, double score) { selection.Count(score); });
  selection.Narrow();
  ForEachScore(edges, influence, *subgraph,
               [&](int64_t, double score) { selection.Collect(score); });
  const double threshold = selection.Threshold();
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    const double factor = influence.row_factor[row];
    for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
      const double score = std::abs(edges.weights[e]) * factor;
      subgraph->edges[e] &= static_cast<uint8_t>((score > 0) & (score >= threshold));
    }
  }
}

void Apply(const AttributionGraph& graph, const InfluenceRule& rule, const PruningFrame& frame,
           Subgraph* subgraph) {
  KeepInfluentialNodes(graph, frame, rule.node_threshold, subgraph);
  DropLooseEdges(graph, subgraph);
  KeepInfluentialEdges(graph, frame, rule.edge_threshold, subgraph);
}

void Apply(const AttributionGraph& graph, const WeightRule& rule, const PruningFrame&,
           Subgraph* subgraph) {
  for (int64_t e = 0; e < graph.edges.n_edges(); ++e) {
    subgraph->edges[e] &= static_cast<uint8_t>(std::abs(graph.edges.weights[e]) >= rule.min_weight);
  }
}

void Apply(const AttributionGraph& graph, const TopSourcesRule& rule, const PruningFrame&,
           Subgraph* subgraph) {
  const EdgeMatrix& edges = graph.edges;
  std::vector<int64_t> present;  // edges of a row; ascending, as their sources are
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    present.clear();
    for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
      if (subgraph->edges[e] != 0) present.push_back(e);
    }
    if (std::ssize(present) <= rule.max_sources) continue;
    const auto first_dropped = present.begin() + rule.max_sources;
    std::nth_element(present.begin(), first_dropped, present.end(), [&](int64_t a, int64_t b) {
      const float weight_a = std::abs(edges.weights[a]);
      const float weight_b = std::abs(edges.weights[b]);
      return weight_a != weight_b ? weight_a > weight_b : a < b;
    });
    for (auto e = first_dropped; e != present.end(); ++e) subgraph->edges[*e] = 0;
  }
}

void Apply(const AttributionGraph& graph, const PlaceRule& rule, const PruningFrame& frame,
           Subgraph* subgraph) {
  const std::vector<uint8_t> is_image = ImagePositions(graph);
  for (int32_t node = 0; node < graph.first_logit(); ++node) {
    const NodeAddress address = AddressOf(graph, node);
    const bool in_layers = address.kind == NodeKind::kToken ||
                           (rule.first_layer <= address.layer && address.layer <= rule.last_layer);
    const bool in_positions =
        rule.first_position <= address.position && address.position <= rule.last_position;
    const bool in_modality =
        rule.modality == Modality::kAny ||
        (rule.modality == Modality::kImage) == (is_image[address.position] != 0);
    if (frame.keep[node] == 0 && !(in_layers && in_positions && in_modality)) {
      subgraph->nodes[node] = 0;
    }
  }
  DropLooseEdges(graph, subgraph);
}

}  // namespace

absl::Status CheckRule(const std::string& field, const PruningRule& rule) {
  return std::visit([&](const auto& any) { return Check(field, any); }, rule);
}

void ApplyRule(const AttributionGraph& graph, const PruningRule& rule, const PruningFrame& frame,
               Subgraph* subgraph) {
  std::visit([&](const auto& any) { Apply(graph, any, frame, subgraph); }, rule);
  DropDeadEnds(graph, frame.keep, subgraph);
}

std::vector<uint8_t> ImagePositions(const AttributionGraph& graph) {
  std::vector<uint8_t> is_image(graph.n_positions(), 0);
  for (const AttributionGraph::ImageRun& run : graph.image_runs) {
    std::fill(is_image.begin() + run.begin, is_image.begin() + run.end, uint8_t{1});
  }
  return is_image;
}

}  // namespace cajal::graph
