#include "model/attribution/attribute.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <variant>

#include "model/attribution/feature_selection.h"
#include "model/attribution/graph_assembly.h"
#include "model/attribution/row_sweep.h"
#include "model/attribution/source_table.h"
#include "model/attribution/sweep_batches.h"
#include "model/attribution/targets.h"
#include "model/attribution/trace.h"
#include "model/base/status.h"

namespace cajal::attribution {
namespace {

using graph::GraphSettings;

// The features that can act on a target at all: below the highest target's layer, and no later than
// what the latest one can see. For targets at the last position of the prompt these are all of
// them.
std::vector<int64_t> FeaturesThatCanAct(const FeatureTable& features, const Trace& trace,
                                        const Targets& targets) {
  int64_t layers = targets.features.size() < targets.nodes.size() ? trace.n_layers() : 0;
  for (const int64_t feature : targets.features) {
    layers = std::max<int64_t>(layers, features.layers[static_cast<size_t>(feature)]);
  }
  int64_t positions = 0;
  for (const graph::LogitNode& node : targets.nodes) {
    positions = std::max(positions, trace.layout
                                        .ReachableKeys(checkpoint::LayerType::kFull,
                                                       {node.position, int64_t{node.position} + 1})
                                        .end);
  }
  std::vector<int64_t> able;
  for (int64_t i = 0; i < features.size(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (features.layers[at] < layers && features.positions[at] < positions) able.push_back(i);
  }
  return able;
}

// How many features to select next: all of them at once when no ranking is needed.
int64_t BlockSize(const GraphSettings& settings, int64_t n_selected, int64_t n_wanted,
                  int64_t n_candidates) {
  const int64_t remaining = n_wanted - n_selected;
  if (n_wanted == n_candidates || settings.rank_once) return remaining;
  return std::min<int64_t>(remaining, int64_t{settings.update_interval} * settings.batch_size);
}

// Now that the features are known: do their rows fit? Rows of all candidates have a known length;
// which features a selection takes is not known yet, so its rows are taken as long as the longest.
absl::Status CheckBudget(const SourceTable& sources, const std::vector<int64_t>& candidates,
                         int64_t n_selected, int64_t n_targets, int64_t budget_bytes) {
  int64_t n_values = n_targets * sources.n_columns();
  if (n_selected == std::ssize(candidates)) {
    for (const int64_t feature : candidates) {
      n_values += sources.ColumnsBelow(sources.features().layers[static_cast<size_t>(feature)]);
    }
  } else {
    n_values += n_selected * sources.n_columns();
  }
  const int64_t bytes = sources.VectorBytes() + n_values * static_cast<int64_t>(sizeof(float));
  if (budget_bytes == 0 || bytes <= budget_bytes) return absl::OkStatus();
  return NeverFits("settings.max_feature_nodes",
                   "a graph of " + std::to_string(n_selected) + " features over " +
                       std::to_string(sources.n_columns()) + " sources",
                   bytes, budget_bytes);
}

}  // namespace

absl::StatusOr<graph::AttributionGraph> Attribute(const gemma3::Model& model,
                                                  const FoldedModel& folded,
                                                  const transcoder::TranscoderSet& transcoders,
                                                  const gemma3::ModelInput& input,
                                                  const AttributeOptions& options,
                                                  SweepWorkers* workers, RunContext* context) {
  const GraphSettings& settings = options.settings;
  ASSIGN_OR_RETURN(const Trace trace, RecordTrace(model, input, transcoders.info(), context));
  ASSIGN_OR_RETURN(const SourceTable sources,
                   SourceTable::Build(model, trace, transcoders, settings.zero_positions,
                                      options.budget_bytes, context));
  const FeatureTable& features = sources.features();
  ASSIGN_OR_RETURN(const Targets targets,
                   MakeTargets(model, folded, trace, features, settings, options.target_token_ids));
  const std::vector<int64_t> candidates = FeaturesThatCanAct(features, trace, targets);
  const int64_t n_candidates = std::ssize(candidates);
  const int64_t n_wanted = settings.max_feature_nodes == 0
                               ? n_candidates
                               : std::min<int64_t>(settings.max_feature_nodes, n_candidates);
  RETURN_IF_ERROR(CheckBudget(sources, candidates, n_wanted, targets.size(), options.budget_bytes));

  const FrozenModel frozen(model, transcoders.info(), folded, trace);
  const RowSweep sweep(transcoders, sources, frozen);
  std::deque<RowBatch> batches;  // a deque keeps the addresses that FeatureSelection holds
  FeatureSelection selection(sources, targets, candidates);
  const auto keep = [&](std::vector<RowBatch> rows) {
    for (RowBatch& batch : rows) {
      batches.push_back(std::move(batch));
      selection.AddRows(&batches.back());
    }
  };
  context->BeginPhase("logit_rows", targets.size());
  ASSIGN_OR_RETURN(std::vector<RowBatch> target_rows,
                   SweepTargets(sweep, features, targets, workers, context));
  keep(std::move(target_rows));

  context->BeginPhase("feature_rows", n_wanted);
  const int64_t sweep_rows = std::min<int64_t>(kSweepRows, settings.batch_size);
  for (int64_t n_selected = 0; n_selected < n_wanted;) {
    std::vector<int64_t> block;
    if (n_wanted == n_candidates) {
      block = candidates;
    } else {
      block = selection.MostInfluential(BlockSize(settings, n_selected, n_wanted, n_candidates));
    }
    const auto n_block = static_cast<int64_t>(block.size());
    ASSIGN_OR_RETURN(
        std::vector<RowBatch> rows,
        SweepFeatures(sweep, features, std::move(block), sweep_rows, n_selected, workers, context));
    keep(std::move(rows));
    n_selected += n_block;
  }
  context->BeginPhase("package", 1);
  graph::AttributionGraph graph = AssembleGraph(sources, targets, batches);
  graph.settings = settings;
  for (graph::Target& target : graph.settings.targets) {
    if (auto* direction = std::get_if<graph::Direction>(&target.what)) direction->vector.clear();
  }
  context->Advance(1);
  return graph;
}

}  // namespace cajal::attribution
