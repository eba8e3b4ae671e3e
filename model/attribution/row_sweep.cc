#include "model/attribution/row_sweep.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/base/check.h"
#include "model/gemma3/host_to_device.h"

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

// One batch for each layer, each as wide as its rows: a batch as it was swept is as wide as its
// highest.
std::vector<RowBatch> SplitByLayer(const SourceTable& sources, RowBatch batch) {
  std::vector<RowBatch> parts;
  for (int64_t begin = 0; begin < batch.size();) {
    const int layer = batch.layers[static_cast<size_t>(begin)];
    int64_t end = begin;
    while (end < batch.size() && batch.layers[static_cast<size_t>(end)] == layer) ++end;
    if (begin == 0 && end == batch.size()) return {std::move(batch)};
    const auto part_of = [begin, end](const auto& all) {
      return std::vector(all.begin() + begin, all.begin() + end);
    };
    parts.push_back({.values = batch.values.slice(0, begin, end)
                                   .slice(1, 0, sources.ColumnsBelow(layer))
                                   .clone(at::MemoryFormat::Contiguous),
                     .targets = part_of(batch.targets),
                     .layers = part_of(batch.layers),
                     .bias = part_of(batch.bias),
                     .sums = part_of(batch.sums),
                     .absolute_sums = part_of(batch.absolute_sums)});
    begin = end;
  }
  return parts;
}

}  // namespace

RowSweep::RowSweep(const transcoder::TranscoderSet& transcoders, const SourceTable& sources,
                   const FrozenModel& frozen, Products products)
    : transcoders_(transcoders),
      sources_(sources),
      frozen_(frozen),
      wide_(products == Products::kWide
                ? std::make_optional<WideScores>(sources, frozen.gradient_type())
                : std::nullopt) {}

std::optional<std::vector<RowBatch>> RowSweep::DirectionRows(const Targets& targets, int64_t begin,
                                                             int64_t end,
                                                             const RunContext& context) const {
  const at::Tensor& tokens = sources_.token_vectors();
  const int64_t n_rows = end - begin;
  const int n_layers = sources_.n_layers();
  const std::vector<int64_t> all_positions = targets.DirectionPositions();
  const std::vector<int64_t> positions(all_positions.begin() + begin, all_positions.begin() + end);
  const at::Tensor at_positions = gemma3::ToDevice(positions, tokens.device());
  ResidualGradient gradient{at::zeros({tokens.size(0), n_rows, tokens.size(1)}, GradientOptions())};
  gradient.values.index_put_(
      {at_positions, at::arange(n_rows, at_positions.options())},
      frozen_.FinalNormedToResidual(targets.directions.slice(0, begin, end), at_positions)
          .to(frozen_.gradient_type()));
  const auto [lowest, highest] = std::minmax_element(positions.begin(), positions.end());
  gradient.Widen({*lowest, *highest + 1});

  RowBatch batch;
  batch.are_targets = true;
  batch.values = at::zeros({n_rows, sources_.n_columns()}, GradientOptions());
  if (!Sweep(n_layers - 1, {}, &gradient, &batch.values, context)) return std::nullopt;
  batch.targets.assign(targets.direction_ranks.begin() + begin,
                       targets.direction_ranks.begin() + end);
  batch.layers.assign(static_cast<size_t>(n_rows), n_layers);
  batch.bias.assign(static_cast<size_t>(n_rows), 0.0);
  Finish(n_layers, &batch);
  return SplitByLayer(sources_, std::move(batch));
}

std::optional<std::vector<RowBatch>> RowSweep::FeatureRows(std::span<const int64_t> features,
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

  int64_t n_reached = 0;
  for (const int64_t feature : features) {
    n_reached = std::max(n_reached, frozen_.ReachOf(table.positions[static_cast<size_t>(feature)]));
  }
  ResidualGradient gradient{
      at::zeros({n_reached, 0, sources_.token_vectors().size(1)}, GradientOptions())};
  batch.values = at::zeros({batch.size(), sources_.ColumnsBelow(top_layer)}, GradientOptions());
  if (!Sweep(top_layer, features, &gradient, &batch.values, context)) return std::nullopt;

  std::vector<at::Tensor> biases;
  for (int64_t begin = 0; begin < batch.size();) {
    const int layer = batch.layers[static_cast<size_t>(begin)];
    std::vector<int64_t> ids;
    for (; begin < batch.size() && batch.layers[static_cast<size_t>(begin)] == layer; ++begin) {
      ids.push_back(table.features[static_cast<size_t>(features[static_cast<size_t>(begin)])]);
    }
    biases.push_back(transcoders_.EncoderBiases(layer, at::tensor(ids, at::kLong)));
  }
  batch.bias = ToDoubles(at::cat(biases));
  Finish(top_layer, &batch);
  gradient = {};  // makes room for the copies
  return SplitByLayer(sources_, std::move(batch));
}

at::TensorOptions RowSweep::GradientOptions() const {
  return sources_.token_vectors().options().dtype(frozen_.gradient_type());
}

at::Tensor RowSweep::VectorsAt(int layer, int64_t position) const {
  return sources_.Vectors(layer, position).to(frozen_.gradient_type());
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
    if (end > injected) Inject(layer, features.subspan(injected, end - injected), gradient);
    injected = end;
    frozen_.PullBackAttention(layer, gradient);
  }
  ScoreTokens(*gradient, values);
  return true;
}

void RowSweep::ScoreLayer(int layer, const ResidualGradient& gradient, at::Tensor* values) const {
  if (gradient.empty()) return;
  at::Tensor rows = values->slice(0, 0, gradient.n_rows());
  if (wide_.has_value()) {
    wide_->Score(layer, gradient, &rows);
    return;
  }
  for (int64_t p = gradient.active.begin; p < gradient.active.end; ++p) {
    const int64_t begin = sources_.GroupBegin(layer, p);
    at::Tensor columns = rows.slice(1, begin, begin + sources_.GroupSize(layer, p));
    if (!sources_.is_cross_layer()) {
      at::mm_out(columns, gradient.values[p], VectorsAt(layer, p).t());
      continue;
    }
    // Layers above may have added to these columns already.
    columns.addmm_(gradient.values[p], VectorsAt(layer, p).t());
    ScoreLaterVectors(layer, p, gradient, &rows);
  }
}

void RowSweep::ScoreLaterVectors(int layer, int64_t position, const ResidualGradient& gradient,
                                 at::Tensor* values) const {
  if (sources_.Writers(layer).empty()) return;
  const at::Tensor scores =
      at::mm(gradient.values[position],
             sources_.LaterVectors(layer, position).to(frozen_.gradient_type()).t());
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
  const at::Tensor scores = at::bmm(
      gradient.values.slice(0, begin, end),
      sources_.token_vectors().slice(0, begin, end).to(frozen_.gradient_type()).unsqueeze(2));
  values->slice(1, sources_.TokenColumn(begin), sources_.TokenColumn(begin) + end - begin)
      .copy_(scores.squeeze(2).t());
}

void RowSweep::Inject(int layer, std::span<const int64_t> features,
                      ResidualGradient* gradient) const {
  const FeatureTable& table = sources_.features();
  std::vector<int64_t> ids, positions;
  for (const int64_t feature : features) {
    ids.push_back(table.features[static_cast<size_t>(feature)]);
    positions.push_back(table.positions[static_cast<size_t>(feature)]);
  }
  const auto [lowest, highest] = std::minmax_element(positions.begin(), positions.end());
  const at::Tensor at_positions = gemma3::ToDevice(positions, gradient->values.device());
  const at::Tensor rows = frozen_.FeatureInputToMid(
      layer, transcoders_.EncoderRows(layer, at::tensor(ids, at::kLong)), at_positions);
  const int64_t first_row = gradient->n_rows();
  gradient->AddRows(std::ssize(features));
  const at::Tensor at_rows = at::arange(first_row, gradient->n_rows(), at_positions.options());
  gradient->values.index_put_({at_positions, at_rows}, rows.to(frozen_.gradient_type()));
  gradient->Widen({*lowest, *highest + 1});
}

void RowSweep::Finish(int layers_below, RowBatch* batch) const {
  const at::Tensor bias_columns =
      sources_.bias_columns().slice(0, 0, layers_below * sources_.n_positions());
  const std::vector<double> bias = RowSums(batch->values.index_select(1, bias_columns));
  for (size_t i = 0; i < bias.size(); ++i) batch->bias[i] += bias[i];
  batch->values.index_fill_(1, bias_columns, 0);
  batch->sums = RowSums(batch->values);
  batch->absolute_sums = ToDoubles(
      at::linalg_vector_norm(batch->values, 1, at::IntArrayRef{1}, /*keepdim=*/false, at::kFloat));
}

}  // namespace cajal::attribution
