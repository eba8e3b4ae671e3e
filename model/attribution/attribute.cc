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
#include "model/attribution/trace.h"
#include "model/base/status.h"

namespace cajal::attribution {
namespace {

using graph::GraphSettings;

// Sorts for the sweep: layers from the top, positions and features ascending.
void SortForSweep(const FeatureTable& table, std::vector<int64_t>* features) {
  std::sort(features->begin(), features->end(), [&table](int64_t a, int64_t b) {
    const int32_t layer_a = table.layers[static_cast<size_t>(a)];
    const int32_t layer_b = table.layers[static_cast<size_t>(b)];
    return layer_a != layer_b ? layer_a > layer_b : a < b;
  });
}

// The end of the sweep batch that begins at `begin`: at most `max_rows`, and no further than the
// end of a layer once it is half full, because rows of lower layers ride along as zeros until
// theirs comes.
size_t BatchEnd(const FeatureTable& table, const std::vector<int64_t>& features, size_t begin,
                size_t max_rows) {
  const auto layer_of = [&](size_t i) { return table.layers[static_cast<size_t>(features[i])]; };
  size_t end = begin + 1;
  while (end < features.size() && end - begin < max_rows) {
    if (layer_of(end) != layer_of(end - 1) && 2 * (end - begin) >= max_rows) break;
    ++end;
  }
  return end;
}

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
  const int64_t bytes = n_values * static_cast<int64_t>(sizeof(float));
  if (budget_bytes == 0 || bytes <= budget_bytes) return absl::OkStatus();
  return InvalidField(
      "settings.max_feature_nodes", "NEVER_FITS",
      std::to_string(n_selected) + " rows over up to " + std::to_string(sources.n_columns()) +
          " sources need " + std::to_string(bytes) + " bytes, but the budget is " +
          std::to_string(budget_bytes) + "; ask for fewer nodes or a shorter prompt");
}

}  // namespace

absl::StatusOr<graph::AttributionGraph> Attribute(const gemma3::Model& model,
                                                  const FoldedModel& folded,
                                                  const transcoder::TranscoderSet& transcoders,
                                                  const gemma3::ModelInput& input,
                                                  const AttributeOptions& options,
                                                  RunContext* context) {
  const GraphSettings& settings = options.settings;
  ASSIGN_OR_RETURN(const Trace trace, RecordTrace(model, input, transcoders.info(), context));
  ASSIGN_OR_RETURN(const SourceTable sources,
                   SourceTable::Build(model, trace, transcoders, settings.zero_positions, context));
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
  context->BeginPhase("logit_rows", targets.size());
  FeatureSelection selection(sources, targets.probabilities);
  for (int64_t begin = 0; begin < targets.size(); begin += kSweepRows) {
    const int64_t end = std::min(begin + kSweepRows, targets.size());
    ASSIGN_OR_RETURN(RowBatch rows, sweep.LogitRows(targets, begin, end, *context));
    batches.push_back(std::move(rows));
    selection.AddRows(&batches.back());
    context->Advance(end);
  }
  context->BeginPhase("feature_rows", n_wanted);
  const auto sweep_rows = static_cast<size_t>(std::min<int64_t>(kSweepRows, settings.batch_size));
  for (int64_t n_selected = 0; n_selected < n_wanted;) {
    std::vector<int64_t> block;
    if (n_wanted == n_active) {
      block.resize(static_cast<size_t>(n_active));
      std::iota(block.begin(), block.end(), 0);
    } else {
      block = selection.MostInfluential(BlockSize(settings, n_selected, n_wanted, n_active));
    }
    SortForSweep(features, &block);
    for (size_t begin = 0; begin < block.size();) {
      const size_t end = BatchEnd(features, block, begin, sweep_rows);
      ASSIGN_OR_RETURN(RowBatch rows,
                       sweep.FeatureRows(std::span(block).subspan(begin, end - begin), *context));
      batches.push_back(std::move(rows));
      selection.AddRows(&batches.back());
      n_selected += static_cast<int64_t>(end - begin);
      begin = end;
      context->Advance(n_selected);
    }
  }
  context->BeginPhase("package", 1);
  graph::AttributionGraph graph = AssembleGraph(sources, targets, batches);
  graph.settings = settings;
  context->Advance(1);
  return graph;
}

}  // namespace cajal::attribution
