#include "model/attribution/attribute.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <numeric>

#include "model/attribution/feature_selection.h"
#include "model/attribution/graph_assembly.h"
#include "model/attribution/logit_targets.h"
#include "model/attribution/row_sweep.h"
#include "model/attribution/source_table.h"
#include "model/attribution/sweep_batches.h"
#include "model/attribution/trace.h"
#include "model/base/status.h"

namespace cajal::attribution {
namespace {

using graph::GraphSettings;

// How many features to select next: all of them at once when no ranking is needed.
int64_t BlockSize(const GraphSettings& settings, int64_t n_selected, int64_t n_wanted,
                  int64_t n_active) {
  const int64_t remaining = n_wanted - n_selected;
  if (n_wanted == n_active || settings.rank_once) return remaining;
  return std::min<int64_t>(remaining, int64_t{settings.update_interval} * settings.batch_size);
}

// Now that the features are known: do their rows fit? Rows of all features have a known length;
// which features a selection takes is not known yet, so its rows are taken as long as the longest.
absl::Status CheckBudget(const SourceTable& sources, int64_t n_selected, int64_t n_logits,
                         int64_t budget_bytes) {
  const FeatureTable& features = sources.features();
  int64_t n_values = n_logits * sources.n_columns();
  if (n_selected == features.size()) {
    for (const int32_t layer : features.layers) n_values += sources.ColumnsBelow(layer);
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
  const int64_t n_active = features.size();
  const int64_t n_wanted = settings.max_feature_nodes == 0
                               ? n_active
                               : std::min<int64_t>(settings.max_feature_nodes, n_active);
  const int64_t n_logits =
      options.target_ids.empty() ? settings.max_n_logits : std::ssize(options.target_ids);
  RETURN_IF_ERROR(CheckBudget(sources, n_wanted, n_logits, options.budget_bytes));

  const FrozenModel frozen(model, transcoders.info(), folded, trace);
  const RowSweep sweep(transcoders, sources, frozen);
  const LogitTargets targets = options.target_ids.empty()
                                   ? ChooseLogitTargets(model, folded, trace, settings.max_n_logits,
                                                        settings.desired_logit_prob)
                                   : NamedLogitTargets(model, folded, trace, options.target_ids);
  std::deque<RowBatch> batches;  // a deque keeps the addresses that FeatureSelection holds
  FeatureSelection selection(sources, targets.probabilities);
  const auto keep = [&](std::vector<RowBatch> rows) {
    for (RowBatch& batch : rows) {
      batches.push_back(std::move(batch));
      selection.AddRows(&batches.back());
    }
  };
  context->BeginPhase("logit_rows", targets.size());
  ASSIGN_OR_RETURN(std::vector<RowBatch> logit_rows, SweepLogits(sweep, targets, workers, context));
  keep(std::move(logit_rows));

  context->BeginPhase("feature_rows", n_wanted);
  const int64_t sweep_rows = std::min<int64_t>(kSweepRows, settings.batch_size);
  for (int64_t n_selected = 0; n_selected < n_wanted;) {
    std::vector<int64_t> block;
    if (n_wanted == n_active) {
      block.resize(static_cast<size_t>(n_active));
      std::iota(block.begin(), block.end(), 0);
    } else {
      block = selection.MostInfluential(BlockSize(settings, n_selected, n_wanted, n_active));
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
  context->Advance(1);
  return graph;
}

}  // namespace cajal::attribution
