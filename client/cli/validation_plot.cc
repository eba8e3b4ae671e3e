#include "client/cli/validation_plot.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/format.h"
#include "client/cli/plot_canvas.h"

namespace cajal::cli {
namespace {

using intervention::Effect;
using intervention::EffectFit;
using intervention::FaithfulnessPoint;

constexpr double kWidth = 1000;
constexpr double kHeight = 400;

// Where a panel is, and the range of both of its axes.
struct Frame {
  double left;
  double top = 90;
  double side = 255;
  double from = 0;
  double to = 1;

  [[nodiscard]] double X(double value) const { return left + side * (value - from) / (to - from); }
  [[nodiscard]] double Y(double value) const {
    return top + side - side * (value - from) / (to - from);
  }
};

void DrawAxes(const Frame& frame, const std::string& title, const std::string& subtitle,
              const std::string& x_name, Canvas* canvas) {
  constexpr int kTicks = 5;
  canvas->Text(title, frame.left, frame.top - 26, 0, kFontSize, /*bold=*/true);
  canvas->Text(subtitle, frame.left, frame.top - 10, 0, kSmallFontSize);
  const double step = NiceStep(frame.to - frame.from, kTicks);
  const double slack = step * 1e-9;
  for (double tick = std::ceil((frame.from - slack) / step); tick * step <= frame.to + slack;
       ++tick) {
    const double value = tick * step;
    const std::string text = absl::StrFormat("%g", std::abs(value) < slack ? 0 : value);
    canvas->Line(frame.left, frame.Y(value), frame.left + frame.side, frame.Y(value), kGrid, 1);
    canvas->Line(frame.X(value), frame.top, frame.X(value), frame.top + frame.side, kGrid, 1);
    canvas->Text(text, frame.left - 6, frame.Y(value) + 4, 1, kSmallFontSize);
    canvas->Text(text, frame.X(value), frame.top + frame.side + 16, 0.5, kSmallFontSize);
  }
  const double bottom = frame.top + frame.side;
  canvas->Line(frame.left, bottom, frame.left + frame.side, bottom, kInk, 1);
  canvas->Line(frame.left, frame.top, frame.left, bottom, kInk, 1);
  canvas->Text(x_name, frame.left + frame.side / 2, bottom + 34, 0.5, kSmallFontSize);
}

// Two kinds of effects against the diagonal.
void DrawScatter(double left, const std::string& title, const client::ValidationResult& result,
                 const EffectFit& fit, float Effect::*predicted, float Effect::*measured,
                 Canvas* canvas) {
  double reach = 0;
  for (const auto* effects : {&result.edges, &result.node_effects}) {
    for (const Effect& effect : *effects) {
      for (const double value : {double{effect.*predicted}, double{effect.*measured}}) {
        if (std::isfinite(value)) reach = std::max(reach, std::abs(value));
      }
    }
  }
  if (reach == 0) reach = 1;
  reach *= 1.05;
  const Frame frame{.left = left, .from = -reach, .to = reach};
  std::string subtitle = "nothing was ablated";
  if (fit.slope && fit.correlation) {
    subtitle = absl::StrFormat("edges: slope %.3f, correlation %.3f", *fit.slope, *fit.correlation);
  } else if (result.n_ablations > 0) {
    subtitle = absl::StrCat(CountText(fit.n), fit.n == 1 ? " edge" : " edges");
  }
  DrawAxes(frame, title, subtitle, "predicted change", canvas);
  canvas->Line(frame.X(-reach), frame.Y(-reach), frame.X(reach), frame.Y(reach), kInk, 0.8);
  const auto mark = [&](const std::vector<Effect>& effects, Marker marker, const Color& color) {
    for (const Effect& effect : effects) {
      if (!std::isfinite(effect.*predicted) || !std::isfinite(effect.*measured)) continue;
      canvas->Mark(marker, frame.X(effect.*predicted), frame.Y(effect.*measured), color, 2.4);
    }
  };
  mark(result.node_effects, Marker::kSquare, kVermillion);
  mark(result.edges, Marker::kCircle, kBlue);
}

void DrawCurves(double left, const client::ValidationResult& result, Canvas* canvas) {
  const Frame frame{.left = left};
  if (!result.curve.has_value()) {
    DrawAxes(frame, "Faithfulness", "no circuits were run", "threshold", canvas);
    return;
  }
  const intervention::FaithfulnessCurve& curve = *result.curve;
  std::string areas = absl::StrFormat("clean %.3f", curve.clean.probability);
  if (curve.alone_area && curve.without_area) {
    absl::StrAppend(&areas, absl::StrFormat(", area alone %.3f, without %.3f", *curve.alone_area,
                                            *curve.without_area));
  }
  DrawAxes(frame, absl::StrCat("Probability of ", Quoted(curve.token)), areas, "threshold", canvas);
  const double clean = frame.Y(curve.clean.probability);
  canvas->Line(frame.left, clean, frame.left + frame.side, clean, kInk, 0.8);
  const auto draw = [&](auto score_of, Marker marker, const Color& color) {
    std::optional<std::pair<double, double>> before;
    for (const FaithfulnessPoint& point : curve.points) {
      const double x = frame.X(point.threshold);
      const double y = frame.Y(score_of(point).token.probability);
      if (before) canvas->Line(before->first, before->second, x, y, color, 1.8);
      canvas->Mark(marker, x, y, color);
      before = {x, y};
    }
  };
  draw([](const FaithfulnessPoint& point) { return point.scores.without; }, Marker::kSquare,
       kVermillion);
  draw([](const FaithfulnessPoint& point) { return point.scores.alone; }, Marker::kCircle, kBlue);
}

// Ends at `right`; returns where it begins.
double DrawLegend(const std::string& name, Marker marker, const Color& color, double right,
                  double y, Canvas* canvas) {
  right -= canvas->Text(name, right, y, 1, kSmallFontSize) + 12;
  canvas->Mark(marker, right, y - 4, color);
  return right - 18;
}

}  // namespace

absl::StatusOr<std::string> DrawValidation(const client::ValidationResult& result) {
  Canvas canvas(kWidth, kHeight);
  double right = DrawLegend("nodes on logits, without the circuit", Marker::kSquare, kVermillion,
                            kWidth - 25, 32, &canvas);
  right = DrawLegend("edges, the circuit alone", Marker::kCircle, kBlue, right, 32, &canvas);
  canvas.TextWithin(
      right - 60, absl::StrCat(result.graph, ": ", CountText(result.n_ablations), " nodes ablated"),
      60, 32, kTitleFontSize);
  DrawScatter(60, "Measured change, frozen model", result, result.frozen_edges, &Effect::direct,
              &Effect::frozen, &canvas);
  DrawScatter(390, "Measured change, unfrozen model", result, result.unfrozen_edges, &Effect::total,
              &Effect::unfrozen, &canvas);
  DrawCurves(720, result, &canvas);
  return canvas.Png();
}

}  // namespace cajal::cli
