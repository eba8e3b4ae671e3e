#include "model/graph/pruning.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "model/base/status.h"
#include "model/graph/graph_check.h"
#include "model/graph/influence.h"
#include "model/graph/node.h"

namespace cajal::graph {
namespace {

absl::Status CheckThreshold(const std::string& field, double value) {
  if (value >= 0 && value <= 1) return absl::OkStatus();  // false for NaN
  return InvalidField(field, "must be in [0, 1], got " + std::to_string(value));
}

absl::Status CheckCount(const std::string& field, size_t count, int most) {
  if (count <= static_cast<size_t>(most)) return absl::OkStatus();
  return InvalidField(field, "must have at most " + std::to_string(most) + " elements, not " +
                                 std::to_string(count));
}

std::vector<float> CumulativeInfluence(std::span<const double> influence) {
  std::vector<int32_t> order(influence.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return influence[a] > influence[b]; });
  const double total = std::accumulate(influence.begin(), influence.end(), 0.0);
  std::vector<float> result(influence.size(), 0.0f);
  if (total == 0) return result;
  double sum = 0;
  for (int32_t node : order) {
    sum += influence[node];
    result[node] = static_cast<float>(sum / total);
  }
  return result;
}

// 1 for the nodes with these ids. [n_nodes].
absl::StatusOr<std::vector<uint8_t>> MaskOf(const AttributionGraph& graph,
                                            const std::vector<std::string>& ids,
                                            const std::string& field, bool logits_only) {
  std::vector<uint8_t> mask(graph.n_nodes(), 0);
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::optional<int32_t> node = NodeWithId(graph, ids[i]);
    if (!node) {
      return InvalidField(FieldItem(field, i), "this graph has no node '" + ids[i] + "'");
    }
    if (logits_only && *node < graph.first_logit()) {
      return InvalidField(FieldItem(field, i), "'" + ids[i] + "' is not the node of a logit");
    }
    mask[*node] = 1;
  }
  return mask;
}

std::vector<PruningRule> StepsOf(const PruningOptions& options) {
  if (!options.steps.empty()) return options.steps;
  return {InfluenceRule{options.node_threshold, options.edge_threshold}};
}

// Leaves the logits out that were not chosen.
absl::Status ChooseLogits(const AttributionGraph& graph, const PruningOptions& options,
                          std::vector<double>* logit_weights, Subgraph* subgraph) {
  if (options.logit_ids.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<uint8_t> chosen,
                   MaskOf(graph, options.logit_ids, "logit_ids", true));
  for (int32_t node = graph.first_logit(); node < graph.n_nodes(); ++node) {
    if (chosen[node] != 0) continue;
    subgraph->nodes[node] = 0;
    (*logit_weights)[node] = 0;
  }
  DropLooseEdges(graph, subgraph);
  return absl::OkStatus();
}

}  // namespace

InfluenceRule ThresholdsOf(const PruningOptions& options) {
  InfluenceRule thresholds{.node_threshold = 1, .edge_threshold = 1};
  for (const PruningRule& rule : StepsOf(options)) {
    if (const auto* influence = std::get_if<InfluenceRule>(&rule)) thresholds = *influence;
  }
  return thresholds;
}

absl::Status CheckPruningOptions(const PruningOptions& options) {
  RETURN_IF_ERROR(CheckThreshold("node_threshold", options.node_threshold));
  RETURN_IF_ERROR(CheckThreshold("edge_threshold", options.edge_threshold));
  RETURN_IF_ERROR(CheckCount("steps", options.steps.size(), kMaxPruningSteps));
  for (size_t i = 0; i < options.steps.size(); ++i) {
    RETURN_IF_ERROR(CheckRule("steps[" + std::to_string(i) + "]", options.steps[i]));
  }
  RETURN_IF_ERROR(CheckCount("keep_ids", options.keep_ids.size(), kMaxPruningIds));
  return CheckCount("logit_ids", options.logit_ids.size(), kMaxPruningIds);
}

absl::StatusOr<PruningResult> PruneGraph(const AttributionGraph& graph,
                                         const PruningOptions& options) {
  RETURN_IF_ERROR(CheckPruningOptions(options));
  RETURN_IF_ERROR(CheckLayerOrder(graph));
  Subgraph kept = WholeGraph(graph);
  PruningFrame frame{.logit_weights = LogitWeights(graph), .keep = {}};
  ASSIGN_OR_RETURN(frame.keep, MaskOf(graph, options.keep_ids, "keep_ids", false));
  RETURN_IF_ERROR(ChooseLogits(graph, options, &frame.logit_weights, &kept));
  for (const PruningRule& rule : StepsOf(options)) ApplyRule(graph, rule, frame, &kept);

  const Influence influence = ComputeInfluence(graph.edges, frame.logit_weights);
  PruningResult result;
  result.options = options;
  result.logit_weights = std::move(frame.logit_weights);
  result.node_influence.assign(influence.nodes.begin(), influence.nodes.end());
  result.cumulative_influence = CumulativeInfluence(influence.nodes);
  result.n_kept_nodes =
      static_cast<int32_t>(std::count(kept.nodes.begin(), kept.nodes.end(), uint8_t{1}));
  result.n_kept_edges = std::count(kept.edges.begin(), kept.edges.end(), uint8_t{1});
  result.node_mask = std::move(kept.nodes);
  result.edge_mask = std::move(kept.edges);
  return result;
}

GraphScores KeptScores(const AttributionGraph& graph, const PruningResult& pruning) {
  const Influence influence =
      ComputeInfluence(graph.edges, pruning.logit_weights, pruning.edge_mask);
  return ComputeScores(graph, influence.nodes, pruning.logit_weights);
}

}  // namespace cajal::graph
