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

std::vector<WideScores::Layout> WideScores::LayoutsOf(const SourceTable& sources, int layer) {
  struct Source {
    int64_t row;
    int64_t column;
  };
  const auto T = static_cast<size_t>(sources.n_positions());
  std::vector<std::vector<Source>> at_position(T);
  int64_t later_row = sources.ColumnsBelow(layer + 1) - sources.ColumnsBelow(layer);
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

  // Those with the most sources first.
  std::vector<int64_t> order(T);
  std::iota(order.begin(), order.end(), 0);
  const auto size_at = [&](int64_t p) { return at_position[static_cast<size_t>(p)].size(); };
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return size_at(a) > size_at(b); });
  std::vector<Layout> layouts;
  for (auto begin = order.begin(); begin != order.end();) {
    const auto end = std::find_if(begin, order.end(),
                                  [&](int64_t p) { return 5 * size_at(p) < 4 * size_at(*begin); });
    Layout layout{.positions = {begin, end}, .width = static_cast<int64_t>(size_at(*begin))};
    std::sort(layout.positions.begin(), layout.positions.end());
    layout.begin = {0};
    const int64_t n = std::ssize(layout.positions);
    for (int64_t i = 0; i < n; ++i) {
      const auto& here = at_position[static_cast<size_t>(layout.positions[static_cast<size_t>(i)])];
      for (size_t j = 0; j < here.size(); ++j) {
        layout.rows.push_back(here[j].row);
        layout.columns.push_back(here[j].column);
        layout.places.push_back(i * layout.width + static_cast<int64_t>(j));
      }
      layout.begin.push_back(std::ssize(layout.rows));
    }
    const bool has_gaps = layout.positions.back() - layout.positions.front() + 1 != n;
    layout.is_run =
        !has_gaps && std::ssize(layout.rows) == n * layout.width && sources.Writers(layer).empty();
    layouts.push_back(std::move(layout));
    begin = end;
  }
  return layouts;
}

int64_t WideScores::CopiedVectors(const SourceTable& sources) {
  int64_t n = 0;
  for (int layer = 0; layer < sources.n_layers(); ++layer) {
    for (const Layout& layout : LayoutsOf(sources, layer)) {
      if (!layout.is_run) n += std::ssize(layout.positions) * layout.width;
    }
  }
  return n;
}

std::vector<WideScores::Segment> WideScores::Segments(const SourceTable& sources, int layer,
                                                      at::ScalarType gradient_type) {
  const at::Tensor vectors =
      (sources.Writers(layer).empty()
           ? sources.LayerVectors(layer)
           : at::cat({sources.LayerVectors(layer), sources.LaterLayerVectors(layer)}))
          .to(gradient_type);
  const at::Device device = vectors.device();
  const int64_t d = vectors.size(1);
  std::vector<Segment> segments;
  for (Layout& layout : LayoutsOf(sources, layer)) {
    const int64_t n = std::ssize(layout.positions);
    Segment segment;
    if (layout.is_run) {
      segment.vectors =
          vectors.slice(0, layout.rows.front(), layout.rows.front() + n * layout.width)
              .view({n, layout.width, d});
    } else {
      segment.at_positions = OnDevice(layout.positions, device);
      segment.places = OnDevice(layout.places, device);
      segment.columns = OnDevice(layout.columns, device);
      segment.vectors = at::zeros({n * layout.width, d}, vectors.options())
                            .index_copy_(0, segment.places,
                                         vectors.index_select(0, OnDevice(layout.rows, device)))
                            .view({n, layout.width, d});
    }
    segment.layout = std::move(layout);
    segments.push_back(std::move(segment));
  }
  return segments;
}

void WideScores::Score(int layer, const ResidualGradient& gradient, at::Tensor* values) const {
  for (const Segment& segment : layers_[static_cast<size_t>(layer)]) {
    const Layout& layout = segment.layout;
    const auto place_of = [&layout](int64_t position) {
      return std::lower_bound(layout.positions.begin(), layout.positions.end(), position) -
             layout.positions.begin();
    };
    const int64_t first = place_of(gradient.active.begin);
    const int64_t last = place_of(gradient.active.end);
    if (first >= last) continue;
    const int64_t n = last - first;
    const int64_t width = layout.width;
    const int64_t position = layout.positions[static_cast<size_t>(first)];
    const at::Tensor at_positions =
        layout.is_run ? gradient.values.slice(0, position, position + n)
                      : gradient.values.index_select(0, segment.at_positions.slice(0, first, last));
    // [rows, positions, width]
    const at::Tensor scores =
        at::bmm(at_positions, segment.vectors.slice(0, first, last).transpose(1, 2))
            .transpose(0, 1);
    if (layout.is_run) {
      const int64_t column = sources_.GroupBegin(layer, position);
      values->slice(1, column, column + n * width).unflatten(1, {n, width}).add_(scores);
      continue;
    }
    const int64_t begin = layout.begin[static_cast<size_t>(first)];
    const int64_t end = layout.begin[static_cast<size_t>(last)];
    // No column twice, so the order of additions is no matter.
    values->index_add_(1, segment.columns.slice(0, begin, end),
                       scores.reshape({gradient.n_rows(), n * width})
                           .index_select(1, segment.places.slice(0, begin, end) - first * width));
  }
}

}  // namespace cajal::attribution
