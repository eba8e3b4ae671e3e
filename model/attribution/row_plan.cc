#include "model/attribution/row_plan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/attribution/sweep_batches.h"

namespace cajal::attribution {
namespace {

// What a batch leaves behind, and what its sweep holds until then. In numbers.
struct BatchSize {
  double values = 0;
  double sweep = 0;
  double n_batches = 0;  // one for each layer
};

BatchSize SizeOf(const GraphDimensions& dimensions, const SourceTable& sources,
                 const std::vector<int64_t>& batch) {
  const FeatureTable& table = sources.features();
  BatchSize size;
  int64_t reach = 0;
  int32_t layer = -1;
  for (const int64_t feature : batch) {
    const auto i = static_cast<size_t>(feature);
    if (std::exchange(layer, table.layers[i]) != table.layers[i]) ++size.n_batches;
    size.values += static_cast<double>(sources.ColumnsBelow(table.layers[i]));
    reach = std::max<int64_t>(reach, table.positions[i] + 1);
  }
  // To the end of an image that the last of them lies in.
  if (dimensions.n_images > 0) reach += dimensions.config.mm_tokens_per_image;
  const int top_layer = table.layers[static_cast<size_t>(batch.front())];
  size.sweep = SweepNumbers(dimensions, static_cast<double>(batch.size()),
                            static_cast<double>(sources.ColumnsBelow(top_layer)),
                            static_cast<double>(std::min(reach, sources.n_positions())));
  return size;
}

// The most that the device holds while these batches are swept in order, some side by side, beside
// `held`.
double MostHeld(const GraphDimensions& dimensions, const std::vector<BatchSize>& batches,
                double held) {
  const auto n_sweeps = static_cast<size_t>(dimensions.n_sweeps);
  double most = held;
  double leaving = 0;  // the largest so far that may be on its way to the host
  for (size_t begin = 0; begin < batches.size(); ++begin) {
    double now = held + leaving;
    for (size_t i = begin; i < std::min(begin + n_sweeps, batches.size()); ++i) {
      now += batches[i].sweep;
    }
    // The first of those under way may be the last to end: what the next one leaves is there, too.
    if (n_sweeps > 1 && begin + 1 < batches.size()) now += batches[begin + 1].values;
    most = std::max(most, now);
    if (dimensions.rows == RowPlace::kHost) {
      leaving = std::max(leaving, batches[begin].values);
    } else {
      held += batches[begin].values;
    }
  }
  return most;
}

}  // namespace

RowPlan PlanRows(const GraphDimensions& dimensions, const SourceTable& sources,
                 const std::deque<RowBatch>& batches, const RowsToCome& to_come,
                 int64_t batch_size) {
  RowPlan plan;
  const auto T = static_cast<double>(sources.n_positions());
  // Per layer: rows, and how many of these are feature nodes.
  std::vector<double> rows(static_cast<size_t>(sources.n_layers()) + 1, 0), selected = rows;
  std::vector<BatchSize> of_targets;
  for (const RowBatch& batch : batches) {
    const auto n_values = static_cast<double>(batch.values.numel());
    plan.n_values += n_values;
    ++plan.n_batches;
    plan.most_rows = std::max(plan.most_rows, static_cast<double>(batch.size()));
    if (batch.are_targets) {
      const auto n_rows = static_cast<double>(batch.size());
      of_targets.push_back({n_values, SweepNumbers(dimensions, n_rows, n_values / n_rows, T)});
    }
    for (const int layer : batch.layers) {
      ++rows[static_cast<size_t>(layer)];
      if (!batch.are_targets) ++selected[static_cast<size_t>(layer)];
    }
  }
  // As if all of these read the last layer's output.
  const int64_t target_rows = TargetRowsAtOnce(dimensions);
  const auto n_columns = static_cast<double>(sources.n_columns());
  for (int64_t begin = 0; begin < to_come.n_targets; begin += target_rows) {
    const auto n_rows = static_cast<double>(std::min(target_rows, to_come.n_targets - begin));
    of_targets.push_back({n_rows * n_columns, SweepNumbers(dimensions, n_rows, n_columns, T)});
    plan.n_values += of_targets.back().values;
    ++plan.n_batches;
    plan.most_rows = std::max(plan.most_rows, n_rows);
    rows.back() += n_rows;
  }
  const auto kept_on_device = [&] {
    return dimensions.rows == RowPlace::kHost ? 0 : plan.n_values;
  };
  plan.n_sweeping = std::max(kept_on_device(), MostHeld(dimensions, of_targets, 0));
  const int64_t feature_rows = std::min(dimensions.sweep_rows, batch_size);
  for (auto begin = to_come.features.begin(); begin != to_come.features.end();) {
    const auto end = begin + std::min<int64_t>(to_come.block_size, to_come.features.end() - begin);
    std::vector<BatchSize> sizes;
    for (const auto& batch : CutBatches(sources.features(), {begin, end}, feature_rows)) {
      sizes.push_back(SizeOf(dimensions, sources, batch));
      plan.most_rows = std::max(plan.most_rows, static_cast<double>(batch.size()));
    }
    plan.n_sweeping = std::max(plan.n_sweeping, MostHeld(dimensions, sizes, kept_on_device()));
    for (const BatchSize& size : sizes) {
      plan.n_values += size.values;
      plan.n_batches += size.n_batches;
    }
    for (; begin != end; ++begin) {
      const int layer = sources.features().layers[static_cast<size_t>(*begin)];
      ++rows[static_cast<size_t>(layer)];
      ++selected[static_cast<size_t>(layer)];
    }
  }
  for (size_t layer = 0; layer < rows.size(); ++layer) {
    plan.n_edges += rows[layer] * (plan.n_selected + T * static_cast<double>(layer + 1));
    plan.n_rows += rows[layer];
    plan.n_selected += selected[layer];  // of the layers so far
  }
  return plan;
}

}  // namespace cajal::attribution
