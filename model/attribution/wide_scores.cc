#include "model/attribution/wide_scores.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

namespace cajal::attribution {
namespace {

at::Tensor OnDevice(const std::vector<int64_t>& values, const at::Device& device) {
  return at::tensor(values, at::kLong).to(device);
}

}  // namespace

WideScores::WideScores(const SourceTable& sources, at::ScalarType gradient_type)
    : sources_(sources) {
  for (int layer = 0; layer < sources.n_layers(); ++layer) {
    layers_.push_back(Segments(sources, layer, gradient_type));
  }
}

std::vector<WideScores::Segment> WideScores::Segments(const SourceTable& sources, int layer,
                                                      at::ScalarType gradient_type) {
  const auto T = static_cast<size_t>(sources.n_positions());
  std::vector<std::vector<Source>> at_position(T);
  const int64_t n_own = sources.ColumnsBelow(layer + 1) - sources.ColumnsBelow(layer);
  int64_t later_row = n_own;
  for (size_t position = 0; position < T; ++position) {
    const auto p = static_cast<int64_t>(position);
    const auto append = [&](int64_t row, int64_t column, int64_t n) {
      for (int64_t i = 0; i < n; ++i) at_position[position].push_back({row + i, column + i});
    };
    const int64_t column = sources.GroupBegin(layer, p);
    append(column - sources.ColumnsBelow(layer), column, sources.GroupSize(layer, p));
    for (const int writer : sources.Writers(layer)) {
      const int64_t n = sources.FeaturesInGroup(writer, p);
      append(later_row, sources.GroupBegin(writer, p), n);
      later_row += n;
    }
  }
  const bool has_later = later_row > n_own;
  const at::Tensor vectors =
      (has_later ? at::cat({sources.LayerVectors(layer), sources.LaterLayerVectors(layer)})
                 : sources.LayerVectors(layer))
          .to(gradient_type);

  // Those with the most sources first.
  std::vector<int64_t> order(T);
  std::iota(order.begin(), order.end(), 0);
  const auto size_at = [&](int64_t p) { return at_position[static_cast<size_t>(p)].size(); };
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return size_at(a) > size_at(b); });
  std::vector<Segment> segments;
  for (auto begin = order.begin(); begin != order.end();) {
    const auto end = std::find_if(begin, order.end(),
                                  [&](int64_t p) { return 5 * size_at(p) < 4 * size_at(*begin); });
    std::vector<int64_t> positions(begin, end);
    std::sort(positions.begin(), positions.end());
    segments.push_back(MakeSegment(sources, layer, std::move(positions), at_position, vectors));
    begin = end;
  }
  return segments;
}

WideScores::Segment WideScores::MakeSegment(const SourceTable& sources, int layer,
                                            std::vector<int64_t> positions,
                                            const std::vector<std::vector<Source>>& at_position,
                                            const at::Tensor& vectors) {
  const auto n = static_cast<int64_t>(positions.size());
  int64_t width = 0;
  for (const int64_t p : positions) {
    width = std::max(width, std::ssize(at_position[static_cast<size_t>(p)]));
  }
  std::vector<int64_t> rows, places, columns;
  std::vector<int64_t> begin = {0};
  for (int64_t i = 0; i < n; ++i) {
    const auto& here = at_position[static_cast<size_t>(positions[static_cast<size_t>(i)])];
    for (size_t j = 0; j < here.size(); ++j) {
      rows.push_back(here[j].row);
      columns.push_back(here[j].column);
      places.push_back(i * width + static_cast<int64_t>(j));
    }
    begin.push_back(std::ssize(rows));
  }
  Segment segment;
  const bool has_gaps = positions.back() - positions.front() + 1 != n;
  const int64_t d = vectors.size(1);
  if (!has_gaps && std::ssize(rows) == n * width && sources.Writers(layer).empty()) {
    segment.is_run = true;
    segment.vectors = vectors.slice(0, rows.front(), rows.front() + n * width).view({n, width, d});
  } else {
    const at::Device device = vectors.device();
    segment.at_positions = OnDevice(positions, device);
    segment.places = OnDevice(places, device);
    segment.columns = OnDevice(columns, device);
    segment.vectors =
        at::zeros({n * width, d}, vectors.options())
            .index_copy_(0, segment.places, vectors.index_select(0, OnDevice(rows, device)))
            .view({n, width, d});
  }
  segment.positions = std::move(positions);
  segment.begin = std::move(begin);
  return segment;
}

void WideScores::Score(int layer, const ResidualGradient& gradient, at::Tensor* values) const {
  for (const Segment& segment : layers_[static_cast<size_t>(layer)]) {
    const auto place_of = [&](int64_t position) {
      return std::lower_bound(segment.positions.begin(), segment.positions.end(), position) -
             segment.positions.begin();
    };
    const int64_t first = place_of(gradient.active.begin);
    const int64_t last = place_of(gradient.active.end);
    if (first >= last) continue;
    const int64_t n = last - first;
    const int64_t width = segment.vectors.size(1);
    const int64_t position = segment.positions[static_cast<size_t>(first)];
    const at::Tensor at_positions =
        segment.is_run
            ? gradient.values.slice(0, position, position + n)
            : gradient.values.index_select(0, segment.at_positions.slice(0, first, last));
    // [rows, positions, width]
    const at::Tensor scores =
        at::bmm(at_positions, segment.vectors.slice(0, first, last).transpose(1, 2))
            .transpose(0, 1);
    if (segment.is_run) {
      const int64_t column = sources_.GroupBegin(layer, position);
      values->slice(1, column, column + n * width).unflatten(1, {n, width}).add_(scores);
      continue;
    }
    const int64_t begin = segment.begin[static_cast<size_t>(first)];
    const int64_t end = segment.begin[static_cast<size_t>(last)];
    // No column twice, so the order of additions is no matter.
    values->index_add_(1, segment.columns.slice(0, begin, end),
                       scores.reshape({gradient.n_rows(), n * width})
                           .index_select(1, segment.places.slice(0, begin, end) - first * width));
  }
}

}  // namespace cajal::attribution
