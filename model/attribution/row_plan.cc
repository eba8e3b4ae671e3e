#include "model/attribution/row_plan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>

#include "model/attribution/sweep_batches.h"

namespace cajal::attribution {

RowPlan PlanRows(const SourceTable& sources, const std::deque<RowBatch>& batches,
                 const std::vector<int64_t>& remaining, int64_t block_size, int64_t max_rows) {
  RowPlan plan;
  // Per layer: rows, and how many of these are feature nodes.
  std::vector<double> rows(static_cast<size_t>(sources.n_layers()) + 1, 0), selected = rows;
  for (const RowBatch& batch : batches) {
    plan.n_values += static_cast<double>(batch.values.numel());
    for (const int layer : batch.layers) {
      ++rows[static_cast<size_t>(layer)];
      if (!batch.are_targets) ++selected[static_cast<size_t>(layer)];
    }
  }
  for (const int64_t feature : remaining) {
    const auto layer = static_cast<size_t>(sources.features().layers[static_cast<size_t>(feature)]);
    ++rows[layer];
    ++selected[layer];
  }
  for (auto begin = remaining.begin(); begin != remaining.end();) {
    const auto end = begin + std::min<int64_t>(block_size, remaining.end() - begin);
    plan.n_values += static_cast<double>(BatchValues(sources, {begin, end}, max_rows));
    begin = end;
  }
  const auto T = static_cast<double>(sources.n_positions());
  for (size_t layer = 0; layer < rows.size(); ++layer) {
    plan.n_edges += rows[layer] * (plan.n_selected + T * static_cast<double>(layer + 1));
    plan.n_rows += rows[layer];
    plan.n_selected += selected[layer];  // of the layers so far
  }
  return plan;
}

}  // namespace cajal::attribution
