#include "model/attribution/sweep_batches.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "model/base/status.h"

namespace cajal::attribution {
namespace {

// Layers from the top, positions and features ascending.
void SortForSweep(const FeatureTable& table, std::vector<int64_t>* features) {
  std::sort(features->begin(), features->end(), [&table](int64_t a, int64_t b) {
    const int32_t layer_a = table.layers[static_cast<size_t>(a)];
    const int32_t layer_b = table.layers[static_cast<size_t>(b)];
    return layer_a != layer_b ? layer_a > layer_b : a < b;
  });
}

// Cuts sorted features: at most `max_rows`, and no further than the end of a layer once a batch is
// half full, because rows of lower layers ride along as zeros until theirs comes.
std::vector<std::span<const int64_t>> CutBatches(const FeatureTable& table,
                                                 std::span<const int64_t> features,
                                                 size_t max_rows) {
  const auto layer_of = [&](size_t i) { return table.layers[static_cast<size_t>(features[i])]; };
  std::vector<std::span<const int64_t>> batches;
  for (size_t begin = 0; begin < features.size();) {
    size_t end = begin + 1;
    while (end < features.size() && end - begin < max_rows) {
      if (layer_of(end) != layer_of(end - 1) && 2 * (end - begin) >= max_rows) break;
      ++end;
    }
    batches.push_back(features.subspan(begin, end - begin));
    begin = end;
  }
  return batches;
}

// Calls sweep_batch(i) for i in [0, n_batches) until all are done or one returns nothing, and gives
// their rows in order.
template <typename SweepBatch>
absl::StatusOr<std::vector<RowBatch>> SweepAll(size_t n_batches, bool on_cpu, int64_t done_before,
                                               SweepWorkers* workers, RunContext* context,
                                               const SweepBatch& sweep_batch) {
  std::vector<RowBatch> batches(n_batches);
  std::atomic<size_t> next = 0;
  std::atomic<int64_t> rows_done = done_before;
  const auto advance = [&] { context->Advance(rows_done); };
  const auto sweep_until_none_is_left = [&](const auto& report) {
    for (size_t i = next++; i < n_batches; i = next++) {
      std::optional<RowBatch> rows = sweep_batch(i);
      if (!rows.has_value()) return;
      batches[i] = *std::move(rows);
      rows_done += batches[i].size();
      report();
    }
  };
  if (on_cpu) {
    workers->RunOnAll([&] { sweep_until_none_is_left([&] { workers->WakeCaller(); }); }, advance);
  } else {
    sweep_until_none_is_left(advance);
  }
  RETURN_IF_ERROR(context->CheckStop());
  return batches;
}

}  // namespace

int64_t BatchValues(const SourceTable& sources, std::vector<int64_t> features, int64_t max_rows) {
  const FeatureTable& table = sources.features();
  SortForSweep(table, &features);
  int64_t n_values = 0;
  for (const auto batch : CutBatches(table, features, static_cast<size_t>(max_rows))) {
    const int top_layer = table.layers[static_cast<size_t>(batch.front())];
    n_values += std::ssize(batch) * sources.ColumnsBelow(top_layer);
  }
  return n_values;
}

absl::StatusOr<std::vector<RowBatch>> SweepTargets(const RowSweep& sweep, const FeatureTable& table,
                                                   const Targets& targets, SweepWorkers* workers,
                                                   RunContext* context) {
  const auto n_directions = std::ssize(targets.direction_ranks);
  const auto n_batches = static_cast<size_t>((n_directions + kSweepRows - 1) / kSweepRows);
  ASSIGN_OR_RETURN(std::vector<RowBatch> rows,
                   SweepAll(n_batches, sweep.on_cpu(), 0, workers, context, [&](size_t i) {
                     const int64_t begin = static_cast<int64_t>(i) * kSweepRows;
                     return sweep.DirectionRows(
                         targets, begin, std::min(begin + kSweepRows, n_directions), *context);
                   }));
  ASSIGN_OR_RETURN(
      std::vector<RowBatch> feature_rows,
      SweepFeatures(sweep, table, targets.features, kSweepRows, n_directions, workers, context));
  std::map<int64_t, int64_t> rank_of;
  for (size_t i = 0; i < targets.features.size(); ++i) {
    rank_of[targets.features[i]] = targets.feature_ranks[i];
  }
  for (RowBatch& batch : feature_rows) {
    batch.are_targets = true;
    for (int64_t& target : batch.targets) target = rank_of.at(target);
    rows.push_back(std::move(batch));
  }
  return rows;
}

absl::StatusOr<std::vector<RowBatch>> SweepFeatures(const RowSweep& sweep,
                                                    const FeatureTable& table,
                                                    std::vector<int64_t> features, int64_t max_rows,
                                                    int64_t done_before, SweepWorkers* workers,
                                                    RunContext* context) {
  SortForSweep(table, &features);
  const auto batches = CutBatches(table, features, static_cast<size_t>(max_rows));
  return SweepAll(batches.size(), sweep.on_cpu(), done_before, workers, context,
                  [&](size_t i) { return sweep.FeatureRows(batches[i], *context); });
}

}  // namespace cajal::attribution
