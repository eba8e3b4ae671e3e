#include "model/attribution/feature_selection.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/gemma3/host_to_device.h"

namespace cajal::attribution {
namespace {

// circuit-tracer's floor when it normalises rows for the ranking.
constexpr double kRowSumFloor = 1e-8;

// Rows where the influence is computed, whichever memory they are kept in.
at::Tensor BroughtTo(const at::Device& device, const at::Tensor& rows,
                     gemma3::MatrixUpload* upload) {
  if (rows.device() == device) return rows;
  at::Tensor here = at::empty(rows.sizes(), rows.options().device(device));
  upload->Copy(rows, &here);
  return here;
}

}  // namespace

FeatureSelection::FeatureSelection(const SourceTable& sources, const Targets& targets,
                                   std::vector<int64_t> candidates)
    : sources_(sources),
      targets_(targets),
      candidates_(std::move(candidates)),
      rows_by_layer_(static_cast<size_t>(sources.n_layers()) + 1),
      has_row_(static_cast<size_t>(sources.features().size()), false) {}

void FeatureSelection::AddRows(const RowBatch* batch) {
  for (int64_t begin = 0; begin < batch->size();) {
    const int layer = batch->layers[static_cast<size_t>(begin)];
    int64_t end = begin;
    for (; end < batch->size() && batch->layers[static_cast<size_t>(end)] == layer; ++end) {
      if (batch->are_targets) continue;
      has_row_[static_cast<size_t>(batch->targets[static_cast<size_t>(end)])] = true;
    }
    rows_by_layer_[static_cast<size_t>(layer)].push_back({batch, begin, end});
    begin = end;
  }
}

std::vector<double> FeatureSelection::Influence() const {
  at::Tensor by_column =
      at::zeros({sources_.n_columns()}, sources_.token_vectors().options().dtype(at::kDouble));
  gemma3::MatrixUpload upload(by_column.device());
  for (size_t layer = rows_by_layer_.size(); layer-- > 0;) {
    // No edges among rows of one layer, so their own influence is final here.
    const at::Tensor cpu = by_column.cpu();
    const double* influence = cpu.const_data_ptr<double>();
    const int64_t length = sources_.ColumnsBelow(static_cast<int>(layer));
    for (const Rows& rows : rows_by_layer_[layer]) {
      std::vector<float> shares;
      for (int64_t i = rows.begin; i < rows.end; ++i) {
        const auto row = static_cast<size_t>(i);
        const int64_t target = rows.batch->targets[row];
        const double weight = rows.batch->are_targets
                                  ? targets_.nodes[static_cast<size_t>(target)].weight()
                                  : influence[sources_.FeatureColumn(target)];
        shares.push_back(
            static_cast<float>(weight / std::max(rows.batch->absolute_sums[row], kRowSumFloor)));
      }
      const at::Tensor values =
          BroughtTo(by_column.device(),
                    rows.batch->values.slice(0, rows.begin, rows.end).slice(1, 0, length), &upload)
              .abs()
              .to(at::kFloat);
      const at::Tensor weights = gemma3::ToDevice(at::tensor(shares, at::kFloat), values.device());
      by_column.slice(0, 0, length).add_(at::mv(values.t(), weights));
    }
  }
  const at::Tensor cpu = by_column.cpu();
  std::vector<double> result(static_cast<size_t>(sources_.features().size()));
  for (size_t i = 0; i < result.size(); ++i) {
    result[i] = cpu.const_data_ptr<double>()[sources_.FeatureColumn(static_cast<int64_t>(i))];
  }
  return result;
}

std::vector<int64_t> FeatureSelection::MostInfluential(int64_t n) const {
  const std::vector<double> influence = Influence();
  std::vector<int64_t> order;
  std::copy_if(candidates_.begin(), candidates_.end(), std::back_inserter(order),
               [this](int64_t i) { return !has_row_[static_cast<size_t>(i)]; });
  n = std::min(n, static_cast<int64_t>(order.size()));
  std::partial_sort(order.begin(), order.begin() + n, order.end(), [&](int64_t a, int64_t b) {
    const double at_a = influence[static_cast<size_t>(a)];
    const double at_b = influence[static_cast<size_t>(b)];
    return at_a != at_b ? at_a > at_b : a < b;
  });
  order.resize(static_cast<size_t>(n));
  return order;
}

}  // namespace cajal::attribution
