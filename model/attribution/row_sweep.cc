#include "model/attribution/row_sweep.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "model/base/check.h"

namespace cajal::attribution {
namespace {

std::vector<double> ToDoubles(const at::Tensor& tensor) {
  const at::Tensor cpu = tensor.to(at::kCPU, at::kDouble).contiguous();
  return {cpu.const_data_ptr<double>(), cpu.const_data_ptr<double>() + cpu.numel()};
}

// Sums of rows in float64. Torch's own makes a copy of all values on the CPU; this one of a
// stretch.
std::vector<double> RowSums(const at::Tensor& values) {
  constexpr int64_t kStretch = 4096;
  const int64_t stretch = values.is_cpu() ? kStretch : std::max<int64_t>(values.size(1), 1);
  at::Tensor sums = at::zeros({values.size(0)}, values.options().dtype(at::kDouble));
  for (int64_t begin = 0; begin < values.size(1); begin += stretch) {
    sums += values.slice(1, begin, begin + stretch).sum(1, false, at::kDouble);
  }
  return ToDoubles(sums);
}

}  // namespace

std::optional<RowBatch> RowSweep::DirectionRows(const Targets& targets, int64_t begin, int64_t end,
                                                const RunContext& context) const {
  const at::Tensor& tokens = sources_.token_vectors();
  const int64_t n_rows = end - begin;
  const int n_layers = sources_.n_layers();
  const std::vector<int64_t> all_positions = targets.DirectionPositions();
  const std::vector<int64_t> positions(all_positions.begin() + begin, all_positions.begin() + end);
  const at::Tensor at_positions = at::tensor(positions, at::kLong).to(tokens.device());
  ResidualGradient gradient{at::zeros({tokens.size(0), n_rows, tokens.size(1)}, tokens.options())};
  gradient.values.index_put_(
      {at_positions, at::arange(n_rows, at_positions.options())},
      frozen_.FinalNormedToResidual(targets.directions.slice(0, begin, end), at_positions));
  const auto [lowest, highest] = std::minmax_element(positions.begin(), positions.end());
  gradient.Widen({*lowest, *highest + 1});

  RowBatch batch;
  batch.are_targets = true;
  batch.values = at::zeros({n_rows, sources_.n_columns()}, tokens.options());
  if (!Sweep(n_layers - 1, {}, &gradient, &batch.values, context)) return std::nullopt;
  batch.targets.assign(targets.direction_ranks.begin() + begin,
                       targets.direction_ranks.begin() + end);
  batch.layers.assign(static_cast<size_t>(n_rows), n_layers);
  batch.bias.assign(static_cast<size_t>(n_rows), 0.0);
  Finish(n_layers, &batch);
  return batch;
}

std::optional<RowBatch> RowSweep::FeatureRows(std::span<const int64_t> features,
                                              const RunContext& context) const {
  CAJAL_CHECK(!features.empty());
  const FeatureTable& table = sources_.features();
  RowBatch batch;
  batch.targets.assign(features.begin(), features.end());
  for (const int64_t feature : features) {
    batch.layers.push_back(table.layers[static_cast<size_t>(feature)]);
  }
  CAJAL_CHECK(std::is_sorted(batch.layers.rbegin(), batch.layers.rend()));
  const int top_layer = batch.layers.front();

  const at::Tensor& tokens = sources_.token_vectors();
  ResidualGradient gradient{
      at::zeros({tokens.size(0), batch.size(), tokens.size(1)}, tokens.options())};
  batch.values = at::zeros({batch.size(), sources_.ColumnsBelow(top_layer)}, tokens.options());
  if (!Sweep(top_layer, features, &gradient, &batch.values, context)) return std::nullopt;

  for (int64_t begin = 0; begin < batch.size();) {
    const int layer = batch.layers[static_cast<size_t>(begin)];
    std::vector<int64_t> ids;
    for (; begin < batch.size() && batch.layers[static_cast<size_t>(begin)] == layer; ++begin) {
      ids.push_back(table.features[static_cast<size_t>(features[static_cast<size_t>(begin)])]);
    }
    const std::vector<double> biases = ToDoubles(
        transcoders_.EncoderBiases(layer, at::tensor(ids, at::kLong).to(tokens.device())));
    batch.bias.insert(batch.bias.end(), biases.begin(), biases.end());
  }
  Finish(top_layer, &batch);
  return batch;
}

bool RowSweep::Sweep(int top_layer, std::span<const int64_t> features, ResidualGradient* gradient,
                     at::Tensor* values, const RunContext& context) const {
  const FeatureTable& table = sources_.features();
  size_t injected = 0;
  for (int layer = top_layer; layer >= 0; --layer) {
    if (context.ShouldStop()) return false;
    ScoreLayer(layer, *gradient, values);
    frozen_.PullBackMlp(layer, gradient);
    size_t end = injected;
    while (end < features.size() && table.layers[static_cast<size_t>(features[end])] == layer)
      ++end;
    if (end > injected) {
      Inject(layer, features.subspan(injected, end - injected), static_cast<int64_t>(injected),
             gradient);
    }
    injected = end;
    frozen_.PullBackAttention(layer, gradient);
  }
  ScoreTokens(*gradient, values);
  return true;
}

void RowSweep::ScoreLayer(int layer, const ResidualGradient& gradient, at::Tensor* values) const {
  for (int64_t p = gradient.active.begin; p < gradient.active.end; ++p) {
    const int64_t begin = sources_.GroupBegin(layer, p);
    at::Tensor columns = values->slice(1, begin, begin + sources_.GroupSize(layer, p));
    if (!sources_.is_cross_layer()) {
      at::mm_out(columns, gradient.values[p], sources_.Vectors(layer, p).t());
      continue;
    }
    // Layers above may have added to these columns already.
    columns.addmm_(gradient.values[p], sources_.Vectors(layer, p).t());
    ScoreLaterVectors(layer, p, gradient, values);
  }
}

void RowSweep::ScoreLaterVectors(int layer, int64_t position, const ResidualGradient& gradient,
                                 at::Tensor* values) const {
  if (sources_.Writers(layer).empty()) return;
  const at::Tensor scores =
      at::mm(gradient.values[position], sources_.LaterVectors(layer, position).t());
  int64_t begin = 0;
  for (const int writer : sources_.Writers(layer)) {
    const int64_t n = sources_.FeaturesInGroup(writer, position);
    const int64_t column = sources_.GroupBegin(writer, position);
    values->slice(1, column, column + n).add_(scores.slice(1, begin, begin + n));
    begin += n;
  }
}

void RowSweep::ScoreTokens(const ResidualGradient& gradient, at::Tensor* values) const {
  const auto [begin, end] = gradient.active;
  // [positions, rows, d] x [positions, d, 1]
  const at::Tensor scores = at::bmm(gradient.values.slice(0, begin, end),
                                    sources_.token_vectors().slice(0, begin, end).unsqueeze(2));
  values->slice(1, sources_.TokenColumn(begin), sources_.TokenColumn(begin) + end - begin)
      .copy_(scores.squeeze(2).t());
}

void RowSweep::Inject(int layer, std::span<const int64_t> features, int64_t first_row,
                      ResidualGradient* gradient) const {
  const FeatureTable& table = sources_.features();
  std::vector<int64_t> ids, positions;
  for (const int64_t feature : features) {
    ids.push_back(table.features[static_cast<size_t>(feature)]);
    positions.push_back(table.positions[static_cast<size_t>(feature)]);
  }
  const auto [lowest, highest] = std::minmax_element(positions.begin(), positions.end());
  const at::Device device = gradient->values.device();
  const at::Tensor at_positions = at::tensor(positions, at::kLong).to(device);
  const at::Tensor rows = frozen_.FeatureInputToMid(
      layer, transcoders_.EncoderRows(layer, at::tensor(ids, at::kLong).to(device)), at_positions);
  const at::Tensor at_rows = at::arange(
      first_row, first_row + static_cast<int64_t>(features.size()), at_positions.options());
  gradient->values.index_put_({at_positions, at_rows}, rows);
  gradient->Widen({*lowest, *highest + 1});
}

void RowSweep::Finish(int layers_below, RowBatch* batch) const {
  const at::Tensor bias_columns =
      sources_.bias_columns().slice(0, 0, layers_below * sources_.n_positions());
  const std::vector<double> bias = RowSums(batch->values.index_select(1, bias_columns));
  for (size_t i = 0; i < bias.size(); ++i) batch->bias[i] += bias[i];
  batch->values.index_fill_(1, bias_columns, 0);
  batch->sums = RowSums(batch->values);
  batch->absolute_sums = ToDoubles(at::linalg_vector_norm(batch->values, 1, at::IntArrayRef{1}));
}

}  // namespace cajal::attribution
