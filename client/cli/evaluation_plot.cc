#include "client/cli/evaluation_plot.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/plot_canvas.h"

namespace cajal::cli {
namespace {

constexpr double kWidth = 1000;
constexpr double kHeight = 450;
constexpr Color kImageColor = kVermillion;
constexpr Color kTextColor = kBlue;

// One value for each layer, in their order.
struct Series {
  Color color;
  Marker marker;
  std::vector<std::optional<double>> values;
};

struct Panel {
  double left, top, width, height;
  std::string title;
  double smallest_top;  // the axis ends no lower than here
  bool in_percent;
  bool names_layers;  // whether the axis below has numbers and a name
  std::vector<Series> series;
};

double LargestOf(const Panel& panel) {
  double largest = panel.smallest_top;
  for (const Series& series : panel.series) {
    for (const std::optional<double>& value : series.values) {
      if (value.has_value() && std::isfinite(*value)) largest = std::max(largest, *value);
    }
  }
  return largest;
}

// layers: their numbers, ascending without gaps.
void Draw(const Panel& panel, const std::vector<int32_t>& layers, Canvas* canvas) {
  constexpr int kTicks = 5;
  const double right = panel.left + panel.width;
  const double bottom = panel.top + panel.height;
  const double step = NiceStep(LargestOf(panel), kTicks);
  const double top_value = step * std::ceil(LargestOf(panel) / step * (1 - 1e-9));
  const auto y_of = [&](double value) { return bottom - panel.height * value / top_value; };
  // Half a layer of room at both ends.
  const auto x_of = [&](size_t index) {
    return panel.left +
           panel.width * (static_cast<double>(index) + 0.5) / static_cast<double>(layers.size());
  };

  canvas->Text(panel.title, panel.left, panel.top - 10, 0, kFontSize, /*bold=*/true);
  for (int tick = 0; tick * step <= top_value * (1 + 1e-9); ++tick) {
    const double value = tick * step;
    canvas->Line(panel.left, y_of(value), right, y_of(value), tick == 0 ? kInk : kGrid, 1);
    canvas->Text(
        panel.in_percent ? absl::StrFormat("%g %%", 100 * value) : absl::StrFormat("%g", value),
        panel.left - 8, y_of(value) + 4, 1, kSmallFontSize);
  }
  const auto layer_step =
      static_cast<size_t>(std::max(1.0, NiceStep(static_cast<double>(layers.size()), 12)));
  for (size_t i = 0; i < layers.size(); ++i) {
    if (static_cast<size_t>(layers[i]) % layer_step != 0) continue;
    canvas->Line(x_of(i), bottom, x_of(i), bottom + 4, kInk, 1);
    if (!panel.names_layers) continue;
    canvas->Text(absl::StrCat(layers[i]), x_of(i), bottom + 18, 0.5, kSmallFontSize);
  }
  if (panel.names_layers) {
    canvas->Text("layer", panel.left + panel.width / 2, bottom + 36, 0.5, kSmallFontSize);
  }
  for (const Series& series : panel.series) {
    for (size_t i = 0; i < layers.size(); ++i) {
      if (!series.values[i].has_value() || !std::isfinite(*series.values[i])) continue;
      const double y = y_of(*series.values[i]);
      if (i > 0 && series.values[i - 1].has_value() && std::isfinite(*series.values[i - 1])) {
        canvas->Line(x_of(i - 1), y_of(*series.values[i - 1]), x_of(i), y, series.color, 1.8);
      }
      canvas->Mark(series.marker, x_of(i), y, series.color);
    }
  }
}

using FigureOf =
    std::function<std::optional<double>(const features::ReconstructionFigures& figures)>;

std::vector<Series> SeriesOf(const EvaluationReport& report, const FigureOf& figure_of) {
  Series image{kImageColor, Marker::kCircle, {}};
  Series text{kTextColor, Marker::kSquare, {}};
  for (const LayerReport& layer : report.layers) {
    const auto value_of = [&](const features::ReconstructionFigures& figures) {
      return figures.tokens > 0 ? figure_of(figures) : std::nullopt;
    };
    image.values.push_back(value_of(layer.image));
    text.values.push_back(value_of(layer.text));
  }
  return {text, image};
}

// Ends at `right`; returns where it begins.
double DrawLegend(const EvaluationReport& report, double right, double y, Canvas* canvas) {
  const auto entry = [&](const std::string& name, int64_t tokens, const Color& color,
                         Marker marker) {
    if (tokens == 0) return;
    right -= canvas->Text(absl::StrCat(name, " tokens (", CountText(tokens), ")"), right, y, 1,
                          kSmallFontSize);
    canvas->Line(right - 34, y - 4, right - 8, y - 4, color, 1.8);
    canvas->Mark(marker, right - 21, y - 4, color);
    right -= 54;
  };
  entry("text", report.layers.front().text.tokens, kTextColor, Marker::kSquare);
  entry("image", report.layers.front().image.tokens, kImageColor, Marker::kCircle);
  return right;
}

}  // namespace

absl::StatusOr<std::string> DrawEvaluation(const EvaluationReport& report) {
  if (report.layers.empty()) return absl::InvalidArgumentError("there is no layer to draw");
  std::vector<int32_t> layers;
  for (const LayerReport& layer : report.layers) layers.push_back(layer.layer);
  using features::ReconstructionFigures;
  const Panel fvu{.left = 60,
                  .top = 80,
                  .width = 500,
                  .height = 310,
                  .title = "Fraction of variance unexplained",
                  .smallest_top = 0.01,
                  .in_percent = false,
                  .names_layers = true,
                  .series = SeriesOf(report, [](const ReconstructionFigures& f) { return f.fvu; })};
  const Panel l0{
      .left = 640,
      .top = 80,
      .width = 335,
      .height = 125,
      .title = "L0: active features per token",
      .smallest_top = 1,
      .in_percent = false,
      .names_layers = false,
      .series = SeriesOf(report, [](const ReconstructionFigures& f) { return f.mean_l0; })};
  const Panel dead{
      .left = 640,
      .top = 260,
      .width = 335,
      .height = 130,
      .title = "Dead features",
      .smallest_top = 0.01,
      .in_percent = true,
      .names_layers = true,
      .series = SeriesOf(report, [](const ReconstructionFigures& f) { return f.dead_share; })};
  Canvas canvas(kWidth, kHeight);
  const double title_width = DrawLegend(report, kWidth - 25, 32, &canvas) - fvu.left;
  canvas.TextWithin(title_width, absl::StrCat(report.transcoders, " on ", report.model), fvu.left,
                    32, kTitleFontSize);
  for (const Panel& panel : {fvu, l0, dead}) Draw(panel, layers, &canvas);
  return canvas.Png();
}

}  // namespace cajal::cli
