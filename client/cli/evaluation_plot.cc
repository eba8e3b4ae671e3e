#include "client/cli/evaluation_plot.h"

#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cajal::cli {
namespace {

constexpr double kWidth = 1000;  // units; a unit is kScale pixels
constexpr double kHeight = 450;
constexpr double kScale = 2;
constexpr double kFontSize = 13;
constexpr double kTitleFontSize = 16;
constexpr double kSmallFontSize = 11.5;

struct Color {
  double red, green, blue;
};
// Vermillion and blue of the Okabe-Ito palette, which people with any colour vision tell apart; the
// markers differ too.
constexpr Color kImageColor = {0xD5 / 255.0, 0x5E / 255.0, 0x00 / 255.0};
constexpr Color kTextColor = {0x00 / 255.0, 0x72 / 255.0, 0xB2 / 255.0};
constexpr Color kInk = {0.15, 0.15, 0.15};
constexpr Color kGrid = {0.88, 0.88, 0.88};

enum class Marker { kCircle, kSquare };

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

// 1, 2 or 5 times a power of ten: the smallest such step that makes at most `n` of them of `range`.
double NiceStep(double range, int n) {
  const double raw = range / n;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

class Canvas {
 public:
  Canvas()
      : surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(kWidth * kScale),
                                            static_cast<int>(kHeight * kScale))),
        cairo_(cairo_create(surface_.get())) {
    cairo_scale(cairo_.get(), kScale, kScale);
    cairo_set_source_rgb(cairo_.get(), 1, 1, 1);
    cairo_paint(cairo_.get());
    cairo_set_line_join(cairo_.get(), CAIRO_LINE_JOIN_ROUND);
  }

  void Line(double x0, double y0, double x1, double y1, const Color& color, double width) {
    SetColor(color);
    cairo_set_line_width(cairo_.get(), width);
    cairo_move_to(cairo_.get(), x0, y0);
    cairo_line_to(cairo_.get(), x1, y1);
    cairo_stroke(cairo_.get());
  }

  void Mark(Marker marker, double x, double y, const Color& color) {
    constexpr double kRadius = 3.6;
    SetColor(color);
    if (marker == Marker::kCircle) {
      cairo_arc(cairo_.get(), x, y, kRadius, 0, 2 * M_PI);
    } else {
      cairo_rectangle(cairo_.get(), x - kRadius * 0.9, y - kRadius * 0.9, kRadius * 1.8,
                      kRadius * 1.8);
    }
    cairo_fill(cairo_.get());
  }

  // `align`: 0 = begins at x, 0.5 = is centred there, 1 = ends there. y is the base line. Returns
  // the text's width.
  double Text(const std::string& text, double x, double y, double align, double size,
              bool bold = false) {
    const double width = SetFont(text, size, bold);
    cairo_move_to(cairo_.get(), x - align * width, y);
    cairo_show_text(cairo_.get(), text.c_str());
    return width;
  }

  // Bold, from x on; smaller than `size` if it would be wider than `width`.
  void TextWithin(double width, const std::string& text, double x, double y, double size) {
    const double wanted = SetFont(text, size, /*bold=*/true);
    Text(text, x, y, 0, wanted > width ? size * width / wanted : size, /*bold=*/true);
  }

  absl::StatusOr<std::string> Png() {
    std::string bytes;
    const auto append = [](void* closure, const unsigned char* data, unsigned int length) {
      static_cast<std::string*>(closure)->append(reinterpret_cast<const char*>(data), length);
      return CAIRO_STATUS_SUCCESS;
    };
    cairo_status_t status = cairo_status(cairo_.get());
    if (status == CAIRO_STATUS_SUCCESS) {
      status = cairo_surface_write_to_png_stream(surface_.get(), append, &bytes);
    }
    if (status == CAIRO_STATUS_SUCCESS) return bytes;
    return absl::InternalError(
        absl::StrCat("the plot could not be drawn: ", cairo_status_to_string(status)));
  }

 private:
  // Returns the width of `text` in it.
  double SetFont(const std::string& text, double size, bool bold) {
    SetColor(kInk);
    cairo_select_font_face(cairo_.get(), "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo_.get(), size);
    cairo_text_extents_t extents;
    cairo_text_extents(cairo_.get(), text.c_str(), &extents);
    return extents.x_advance;
  }
  void SetColor(const Color& color) {
    cairo_set_source_rgb(cairo_.get(), color.red, color.green, color.blue);
  }

  struct Destroy {
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
    void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
  };
  std::unique_ptr<cairo_surface_t, Destroy> surface_;
  std::unique_ptr<cairo_t, Destroy> cairo_;
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
  Canvas canvas;
  const double title_width = DrawLegend(report, kWidth - 25, 32, &canvas) - fvu.left;
  canvas.TextWithin(title_width, absl::StrCat(report.transcoders, " on ", report.model), fvu.left,
                    32, kTitleFontSize);
  for (const Panel& panel : {fvu, l0, dead}) Draw(panel, layers, &canvas);
  return canvas.Png();
}

}  // namespace cajal::cli
