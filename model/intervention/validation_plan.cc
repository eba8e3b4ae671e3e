#include "model/intervention/validation_plan.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "model/base/status.h"
#include "model/graph/influence.h"
#include "model/graph/node.h"
#include "model/graph/pruning.h"
#include "model/graph/total_effects.h"
#include "model/intervention/faithfulness.h"

namespace cajal::intervention {
namespace {

using graph::AttributionGraph;
using graph::NodeAddress;
using graph::NodeKind;

absl::Status CheckCount(const std::string& field, int64_t n, int64_t most) {
  if (n >= 0 && n <= most) return absl::OkStatus();
  return InvalidField(field,
                      "must be from 0 to " + std::to_string(most) + ", not " + std::to_string(n));
}

absl::Status CheckLength(const std::string& field, int64_t n, int64_t most) {
  if (n <= most) return absl::OkStatus();
  return InvalidField(field, "are " + std::to_string(n) + ", but at most " + std::to_string(most) +
                                 " are permitted");
}

const graph::FeatureNode& FeatureOf(const AttributionGraph& graph, int32_t node) {
  const int64_t index = graph.selected_features[static_cast<size_t>(node)];
  return graph.active_features[static_cast<size_t>(index)];
}

// node: no logit.
EdgeSource SourceOf(const AttributionGraph& graph, int32_t node) {
  const NodeAddress address = graph::AddressOf(graph, node);
  switch (address.kind) {
    case NodeKind::kError:
      return {.kind = SourceKind::kError, .layer = address.layer, .position = address.position};
    case NodeKind::kToken:
      return {.kind = SourceKind::kToken, .position = address.position};
    default:
      return {.layer = address.layer,
              .position = address.position,
              .feature = static_cast<int32_t>(address.index)};
  }
}

// Nothing for a direction, whose vector graphs do not keep.
std::optional<MeasuredTarget> LogitTarget(const AttributionGraph& graph,
                                          const graph::LogitNode& logit, int64_t vocab_size) {
  MeasuredTarget target{.position = logit.PositionIn(graph.n_positions())};
  if (logit.token_id < vocab_size) {
    target.terms.push_back({.token_id = logit.token_id});
    return target;
  }
  const auto index = static_cast<size_t>(logit.token_id - vocab_size);
  if (index >= graph.settings.targets.size()) return std::nullopt;
  const graph::Target& asked = graph.settings.targets[index];
  if (const auto* sum = std::get_if<graph::TokenSum>(&asked.what)) {
    for (const graph::WeightedToken& term : sum->terms) {
      target.terms.push_back({.token = term.token, .weight = term.weight});
    }
    return target;
  }
  if (const auto* feature = std::get_if<graph::TargetFeature>(&asked.what)) {
    target.layer = feature->layer;
    target.feature = feature->feature;
    return target;
  }
  return std::nullopt;
}

// The weight of an edge; nothing when there is none.
std::optional<float> WeightOf(const graph::EdgeMatrix& edges, const NodePair& nodes) {
  const auto row = static_cast<size_t>(nodes.target);
  const auto begin = edges.columns.begin() + edges.row_begin[row];
  const auto end = edges.columns.begin() + edges.row_begin[row + 1];
  const auto found = std::lower_bound(begin, end, nodes.source);
  if (found == end || *found != nodes.source) return std::nullopt;
  return edges.weights[static_cast<size_t>(found - edges.columns.begin())];
}

class Planner {
 public:
  Planner(const AttributionGraph& graph, const ValidationRequest& request)
      : graph_(graph), request_(request) {}

  absl::StatusOr<ValidationPlan> Plan(int64_t vocab_size) {
    AddTargets(vocab_size);
    RETURN_IF_ERROR(AddRunSettings());
    for (size_t i = 0; i < request_.edges.size(); ++i) {
      RETURN_IF_ERROR(CheckEdge(request_.edges[i], FieldItem("edges", i)));
    }
    for (const int32_t node : request_.nodes) {
      RETURN_IF_ERROR(CheckSource(node, "nodes"));
    }
    std::vector<NodePair> edges = request_.edges;
    std::vector<int32_t> nodes = request_.nodes;
    if (request_.sample.has_value()) {
      SampleEdges(*request_.sample, &edges);
      RETURN_IF_ERROR(SampleNodes(*request_.sample, &nodes));
    }
    if (edges.empty() && nodes.empty() && request_.faithfulness.thresholds.empty()) {
      return InvalidField("sample",
                          "leaves nothing to measure: there are no edges, no nodes and no "
                          "thresholds");
    }
    RETURN_IF_ERROR(AddAblations(edges, nodes));
    RETURN_IF_ERROR(AddPredictions(edges, nodes));
    RETURN_IF_ERROR(AddCircuits());
    AddAnswer(vocab_size);
    return std::move(plan_);
  }

 private:
  void AddTargets(int64_t vocab_size) {
    target_of_node_.assign(static_cast<size_t>(graph_.n_nodes()), -1);
    for (int32_t node = 0; node < graph_.n_selected(); ++node) {
      const graph::FeatureNode& feature = FeatureOf(graph_, node);
      AddTarget(node, {.position = feature.position,
                       .layer = feature.layer,
                       .feature = feature.feature,
                       .activation = feature.activation});
    }
    for (int32_t i = 0; i < graph_.n_logits(); ++i) {
      auto target = LogitTarget(graph_, graph_.logits[static_cast<size_t>(i)], vocab_size);
      if (target.has_value()) AddTarget(graph_.first_logit() + i, *std::move(target));
    }
  }
  void AddTarget(int32_t node, MeasuredTarget target) {
    target_of_node_[static_cast<size_t>(node)] = static_cast<int32_t>(plan_.targets.size());
    plan_.targets.push_back(node);
    plan_.runs.targets.push_back(std::move(target));
  }

  absl::Status AddRunSettings() {
    const int32_t of_graph = graph_.settings.zero_positions;
    const int32_t asked = request_.run.zero_positions.value_or(of_graph);
    plan_.runs.run = request_.run;
    plan_.runs.run.zero_positions = of_graph;
    if (asked == of_graph) return absl::OkStatus();
    return InvalidField(
        "settings.zero_positions",
        "must be the graph's, " + std::to_string(of_graph) + ", not " + std::to_string(asked));
  }

  [[nodiscard]] absl::Status CheckSource(int32_t node, const std::string& field) const {
    const NodeAddress address = graph::AddressOf(graph_, node);
    if (address.kind == NodeKind::kLogit) {
      return InvalidField(field, graph::NodeId(graph_, node) +
                                     " is a logit; features, errors and tokens can be ablated");
    }
    if (address.kind == NodeKind::kError && address.position < graph_.settings.zero_positions) {
      return InvalidField(field, graph::NodeId(graph_, node) + " stands for nothing: the first " +
                                     std::to_string(graph_.settings.zero_positions) +
                                     " positions have no features and no errors");
    }
    return absl::OkStatus();
  }

  [[nodiscard]] absl::Status CheckEdge(const NodePair& edge, const std::string& field) const {
    RETURN_IF_ERROR(CheckSource(edge.source, field + ".source"));
    if (target_of_node_[static_cast<size_t>(edge.target)] < 0) {
      const std::string id = graph::NodeId(graph_, edge.target);
      if (edge.target >= graph_.first_logit()) {
        return InvalidField(field + ".target", "DIRECTION_NOT_KEPT",
                            id + " is a direction, whose vector the graph does not keep");
      }
      return InvalidField(field + ".target",
                          id + " has no edges into it; features and logits have");
    }
    if (WeightOf(graph_.edges, edge).has_value()) return absl::OkStatus();
    return InvalidField(field, "the graph has no edge from " + graph::NodeId(graph_, edge.source) +
                                   " to " + graph::NodeId(graph_, edge.target));
  }

  [[nodiscard]] bool IsWanted(const ValidationSample& sample, int32_t node) const {
    if (node < graph_.first_error()) return sample.features;
    if (node < graph_.first_token()) return sample.errors;
    return node < graph_.first_logit() && sample.tokens;
  }

  void SampleEdges(const ValidationSample& sample, std::vector<NodePair>* edges) const {
    WeightedSample drawn(sample.n_edges, sample.by, sample.seed);
    for (const int32_t target : plan_.targets) {
      const auto row = static_cast<size_t>(target);
      for (int64_t e = graph_.edges.row_begin[row]; e < graph_.edges.row_begin[row + 1]; ++e) {
        const auto edge = static_cast<size_t>(e);
        if (!IsWanted(sample, graph_.edges.columns[edge])) continue;
        drawn.Offer(e, std::abs(graph_.edges.weights[edge]));
      }
    }
    for (const int64_t edge : drawn.Items()) {
      const auto after =
          std::upper_bound(graph_.edges.row_begin.begin(), graph_.edges.row_begin.end(), edge);
      const NodePair nodes{graph_.edges.columns[static_cast<size_t>(edge)],
                           static_cast<int32_t>(after - graph_.edges.row_begin.begin()) - 1};
      if (std::find(edges->begin(), edges->end(), nodes) == edges->end()) edges->push_back(nodes);
    }
  }

  absl::Status SampleNodes(const ValidationSample& sample, std::vector<int32_t>* nodes) const {
    if (sample.n_nodes == 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(const graph::Influence influence, graph::ComputeInfluence(graph_));
    WeightedSample drawn(sample.n_nodes, sample.by, sample.seed);
    for (int32_t node = 0; node < graph_.first_logit(); ++node) {
      if (IsWanted(sample, node)) drawn.Offer(node, influence.nodes[static_cast<size_t>(node)]);
    }
    for (const int64_t item : drawn.Items()) {
      const auto node = static_cast<int32_t>(item);
      if (std::find(nodes->begin(), nodes->end(), node) == nodes->end()) nodes->push_back(node);
    }
    return absl::OkStatus();
  }

  absl::Status AddAblations(const std::vector<NodePair>& edges, const std::vector<int32_t>& nodes) {
    std::vector<int32_t>& ablated = plan_.ablated;
    ablated = nodes;
    for (const NodePair& edge : edges) ablated.push_back(edge.source);
    std::sort(ablated.begin(), ablated.end());
    ablated.erase(std::unique(ablated.begin(), ablated.end()), ablated.end());
    if (std::ssize(ablated) > kMaxAblations) {
      return InvalidField("nodes", "come to " + std::to_string(ablated.size()) +
                                       " different nodes to ablate with those that the edges start "
                                       "from; at most " +
                                       std::to_string(kMaxAblations) + " are permitted");
    }
    for (const int32_t node : ablated) plan_.runs.ablations.push_back(SourceOf(graph_, node));
    return absl::OkStatus();
  }

  absl::Status AddPredictions(const std::vector<NodePair>& edges,
                              const std::vector<int32_t>& nodes) {
    ASSIGN_OR_RETURN(const std::vector<float> totals, graph::TotalEffects(graph_, plan_.ablated));
    const auto n_selected = static_cast<size_t>(graph_.n_selected());
    const size_t n_rows = n_selected + static_cast<size_t>(graph_.n_logits());
    const auto predict = [&](const NodePair& pair) {
      const auto source = std::lower_bound(plan_.ablated.begin(), plan_.ablated.end(), pair.source);
      const auto target = static_cast<size_t>(pair.target);
      const size_t row = target < n_selected
                             ? target
                             : n_selected + target - static_cast<size_t>(graph_.first_logit());
      const auto index = static_cast<size_t>(source - plan_.ablated.begin());
      return Effect{.nodes = pair,
                    .direct = -WeightOf(graph_.edges, pair).value_or(0),
                    .total = -totals[index * n_rows + row]};
    };
    for (const NodePair& edge : edges) plan_.edges.push_back(predict(edge));
    for (const int32_t node : nodes) {
      for (const int32_t target : plan_.targets) {
        if (target >= graph_.first_logit()) plan_.nodes.push_back(predict({node, target}));
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddCircuits() {
    const FaithfulnessOptions& options = request_.faithfulness;
    plan_.runs.ablate_errors = options.ablate_errors;
    if (options.thresholds.empty()) return absl::OkStatus();
    std::vector<double> thresholds = options.thresholds;
    std::sort(thresholds.begin(), thresholds.end());
    thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
    AddCircuit(0, {});
    for (const double threshold : thresholds) {
      ASSIGN_OR_RETURN(const graph::PruningResult pruning,
                       graph::PruneGraph(graph_, {.node_threshold = threshold,
                                                  .edge_threshold = options.edge_threshold}));
      AddCircuit(threshold, pruning.node_mask);
    }
    return absl::OkStatus();
  }

  void AddCircuit(double threshold, std::span<const uint8_t> node_mask) {
    FaithfulnessPoint& point = plan_.points.emplace_back();
    Circuit& circuit = plan_.runs.circuits.emplace_back();
    point.threshold = threshold;
    for (int32_t node = 0; node < std::min<int32_t>(graph_.first_token(), std::ssize(node_mask));
         ++node) {
      if (node_mask[static_cast<size_t>(node)] == 0) continue;
      const EdgeSource source = SourceOf(graph_, node);
      if (source.position < graph_.settings.zero_positions) continue;
      ++(source.kind == SourceKind::kFeature ? point.n_features : point.n_errors);
      circuit.nodes.push_back(source);
    }
  }

  void AddAnswer(int64_t vocab_size) {
    plan_.runs.answer = request_.faithfulness.token;
    const auto first = std::find_if(
        graph_.logits.begin(), graph_.logits.end(),
        [vocab_size](const graph::LogitNode& logit) { return logit.token_id < vocab_size; });
    if (first == graph_.logits.end()) return;
    plan_.runs.answer_position = first->PositionIn(graph_.n_positions());
    if (plan_.runs.answer.empty()) plan_.runs.answer_id = first->token_id;
  }

  const AttributionGraph& graph_;
  const ValidationRequest& request_;
  ValidationPlan plan_;
  std::vector<int32_t> target_of_node_;  // [n_nodes], index in plan_.targets; -1 = not measurable
};

// All edges that start from ablated nodes.
void CompareAllEdges(const AttributionGraph& graph, const ValidationPlan& plan,
                     const AblationResult& runs, ValidationResult* result) {
  std::vector<int32_t> ablation_of_node(static_cast<size_t>(graph.n_nodes()), -1);
  for (size_t i = 0; i < plan.ablated.size(); ++i) {
    ablation_of_node[static_cast<size_t>(plan.ablated[i])] = static_cast<int32_t>(i);
  }
  EffectFitter fitter;
  std::vector<uint8_t> has_edge(plan.ablated.size());
  for (size_t target = 0; target < plan.targets.size(); ++target) {
    std::fill(has_edge.begin(), has_edge.end(), 0);
    const auto row = static_cast<size_t>(plan.targets[target]);
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      const auto edge = static_cast<size_t>(e);
      const int32_t ablation = ablation_of_node[static_cast<size_t>(graph.edges.columns[edge])];
      if (ablation < 0) continue;
      const auto index = static_cast<size_t>(ablation);
      has_edge[index] = 1;
      fitter.Add(-graph.edges.weights[edge], runs.frozen[index * plan.targets.size() + target]);
    }
    for (size_t i = 0; i < has_edge.size(); ++i) {
      if (has_edge[i] != 0) continue;
      result->largest_unpredicted =
          std::max(result->largest_unpredicted,
                   std::abs(double{runs.frozen[i * plan.targets.size() + target]}));
    }
  }
  result->frozen_all = fitter.Fit();
}

}  // namespace

absl::Status CheckValidation(const ValidationRequest& request) {
  RETURN_IF_ERROR(CheckLength("edges", std::ssize(request.edges), kMaxValidatedEdges));
  RETURN_IF_ERROR(CheckLength("nodes", std::ssize(request.nodes), kMaxValidatedNodes));
  if (request.sample.has_value()) {
    RETURN_IF_ERROR(CheckCount("sample.edges", request.sample->n_edges, kMaxValidatedEdges));
    RETURN_IF_ERROR(CheckCount("sample.nodes", request.sample->n_nodes, kMaxValidatedNodes));
  }
  const FaithfulnessOptions& options = request.faithfulness;
  RETURN_IF_ERROR(
      CheckLength("faithfulness.thresholds", std::ssize(options.thresholds), kMaxThresholds));
  for (size_t i = 0; i < options.thresholds.size(); ++i) {
    const double threshold = options.thresholds[i];
    if (threshold > 0 && threshold <= 1) continue;
    return InvalidField(FieldItem("faithfulness.thresholds", i),
                        "must be above 0 and at most 1, not " + std::to_string(threshold));
  }
  if (options.edge_threshold >= 0 && options.edge_threshold <= 1) return absl::OkStatus();
  return InvalidField("faithfulness.edge_threshold",
                      "must be from 0 to 1, not " + std::to_string(options.edge_threshold));
}

absl::StatusOr<ValidationPlan> PlanValidation(const AttributionGraph& graph,
                                              const ValidationRequest& request,
                                              int64_t vocab_size) {
  RETURN_IF_ERROR(CheckValidation(request));
  if (graph.imported.has_value()) {
    return InvalidField("graph", "IMPORTED_GRAPH",
                        "comes from a file that holds only what a pruning kept; make the graph of "
                        "the prompt here");
  }
  return Planner(graph, request).Plan(vocab_size);
}

ValidationResult CompareWithGraph(const AttributionGraph& graph, const ValidationPlan& plan,
                                  const AblationResult& runs) {
  ValidationResult result{.edges = plan.edges,
                          .nodes = plan.nodes,
                          .n_ablations = static_cast<int32_t>(plan.ablated.size()),
                          .activation_deviation = runs.activation_deviation};
  const auto fill = [&](std::vector<Effect>* effects, EffectFit* frozen, EffectFit* unfrozen) {
    EffectFitter of_direct;
    EffectFitter of_total;
    for (Effect& effect : *effects) {
      const auto source =
          std::lower_bound(plan.ablated.begin(), plan.ablated.end(), effect.nodes.source);
      const auto target =
          std::lower_bound(plan.targets.begin(), plan.targets.end(), effect.nodes.target);
      const size_t at = static_cast<size_t>(source - plan.ablated.begin()) * plan.targets.size() +
                        static_cast<size_t>(target - plan.targets.begin());
      effect.frozen = runs.frozen[at];
      effect.unfrozen = runs.unfrozen[at];
      of_direct.Add(effect.direct, effect.frozen);
      of_total.Add(effect.total, effect.unfrozen);
    }
    *frozen = of_direct.Fit();
    *unfrozen = of_total.Fit();
  };
  fill(&result.edges, &result.frozen_edges, &result.unfrozen_edges);
  fill(&result.nodes, &result.frozen_nodes, &result.unfrozen_nodes);
  CompareAllEdges(graph, plan, runs, &result);
  if (!plan.points.empty()) {
    std::vector<FaithfulnessPoint> points = plan.points;
    for (size_t i = 0; i < points.size(); ++i) points[i].scores = runs.circuits[i];
    result.curve = MakeCurve(runs.clean, std::move(points));
    result.curve->token_id = runs.answer_id;
    result.curve->token = runs.answer;
    result.curve->position = runs.answer_position;
  }
  return result;
}

}  // namespace cajal::intervention
