#include "model/attribution/sweep_batches.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "model/base/status.h"

namespace cajal::attribution {
namespace {

using Batch = std::vector<int64_t>;  // features, layers from the top, then ascending

// Cuts the features into batches in the order of `before`, at most `max_rows` each.
template <typename Before>
std::vector<Batch> Cut(const FeatureTable& table, std::vector<int64_t> features, int64_t max_rows,
                       const Before& before) {
  std::sort(features.begin(), features.end(), before);
  std::vector<Batch> batches;
  for (auto begin = features.begin(); begin != features.end();) {
    const auto end = begin + std::min<int64_t>(max_rows, features.end() - begin);
    batches.emplace_back(begin, end);
    std::sort(batches.back().begin(), batches.back().end(), [&table](int64_t a, int64_t b) {
      const int32_t layer_a = table.layers[static_cast<size_t>(a)];
      const int32_t layer_b = table.layers[static_cast<size_t>(b)];
      return layer_a != layer_b ? layer_a > layer_b : a < b;
    });
    begin = end;
  }
  return batches;
}

// What a batch costs, in positions times rows times layers: below its own layer each row takes as
// many positions as the last one reaches, and each layer something that does not depend on rows.
double CostOf(const FeatureTable& table, const Batch& batch) {
  constexpr double kRowsOfALayer = 2;
  double rows = kRowsOfALayer * (table.layers[static_cast<size_t>(batch.front())] + 1);
  int32_t last = 0;
  for (const int64_t feature : batch) {
    rows += table.layers[static_cast<size_t>(feature)] + 1;
    last = std::max(last, table.positions[static_cast<size_t>(feature)]);
  }
  return rows * (last + 1);
}

double CostOf(const FeatureTable& table, const std::vector<Batch>& batches) {
  double cost = 0;
  for (const Batch& batch : batches) cost += CostOf(table, batch);
  return cost;
}

// Calls sweep_batch(i) for i in [0, n_batches) until all are done or one returns nothing, and gives
// their rows in order.
template <typename SweepBatch>
absl::StatusOr<std::vector<RowBatch>> SweepAll(size_t n_batches, bool on_cpu, int64_t done_before,
                                               RowStorage* storage, SweepWorkers* workers,
                                               RunContext* context, const SweepBatch& sweep_batch) {
  std::vector<std::vector<RowBatch>> batches(n_batches);
  std::atomic<size_t> next = 0;
  std::atomic<int64_t> rows_done = done_before;
  const auto advance = [&] { context->Advance(rows_done); };
  const auto sweep_until_none_is_left = [&](const auto& report) {
    for (size_t i = next++; i < n_batches; i = next++) {
      std::optional<std::vector<RowBatch>> rows = sweep_batch(i);
      if (!rows.has_value()) return;
      batches[i] = *std::move(rows);
      storage->Keep(&batches[i]);
      for (const RowBatch& batch : batches[i]) rows_done += batch.size();
      report();
    }
  };
  if (on_cpu) {
    workers->RunOnAll([&] { sweep_until_none_is_left([&] { workers->WakeCaller(); }); }, advance);
  } else {
    sweep_until_none_is_left(advance);
  }
  storage->Wait();
  RETURN_IF_ERROR(context->CheckStop());
  std::vector<RowBatch> all;
  for (std::vector<RowBatch>& rows : batches) {
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

std::vector<Batch> CutBatches(const FeatureTable& table, const std::vector<int64_t>& features,
                              int64_t max_rows) {
  const auto before = [](const std::vector<int32_t>& first, const std::vector<int32_t>& second) {
    return [&first, &second](int64_t a, int64_t b) {
      const auto i = static_cast<size_t>(a);
      const auto j = static_cast<size_t>(b);
      return std::tie(first[i], second[i], i) < std::tie(first[j], second[j], j);
    };
  };
  std::vector<Batch> by_position =
      Cut(table, features, max_rows, before(table.positions, table.layers));
  std::vector<Batch> by_layer =
      Cut(table, features, max_rows, before(table.layers, table.positions));
  return CostOf(table, by_position) < CostOf(table, by_layer) ? by_position : by_layer;
}

absl::StatusOr<std::vector<RowBatch>> SweepTargets(const RowSweep& sweep, const FeatureTable& table,
                                                   const Targets& targets, int64_t max_rows,
                                                   RowStorage* storage, SweepWorkers* workers,
                                                   RunContext* context) {
  const auto n_directions = std::ssize(targets.direction_ranks);
  const auto n_batches = static_cast<size_t>((n_directions + max_rows - 1) / max_rows);
  ASSIGN_OR_RETURN(std::vector<RowBatch> rows,
                   SweepAll(n_batches, sweep.on_cpu(), 0, storage, workers, context, [&](size_t i) {
                     const int64_t begin = static_cast<int64_t>(i) * max_rows;
                     return sweep.DirectionRows(targets, begin,
                                                std::min(begin + max_rows, n_directions), *context);
                   }));
  ASSIGN_OR_RETURN(std::vector<RowBatch> feature_rows,
                   SweepFeatures(sweep, table, targets.features, max_rows, n_directions, storage,
                                 workers, context));
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
                                                    int64_t done_before, RowStorage* storage,
                                                    SweepWorkers* workers, RunContext* context) {
  const std::vector<Batch> batches = CutBatches(table, features, max_rows);
  return SweepAll(batches.size(), sweep.on_cpu(), done_before, storage, workers, context,
                  [&](size_t i) { return sweep.FeatureRows(batches[i], *context); });
}

}  // namespace cajal::attribution
