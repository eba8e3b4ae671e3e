#include "model/intervention/faithfulness.h"

#include <utility>

namespace cajal::intervention {
namespace {

// The area from 0 to 1, which ends at `end`. value: a member of FaithfulnessPoint that is set.
double AreaOf(const std::vector<FaithfulnessPoint>& points,
              std::optional<double> FaithfulnessPoint::*value, double end) {
  double area = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const bool is_last = i + 1 == points.size();
    const double next_threshold = is_last ? 1 : points[i + 1].threshold;
    const double next_value = is_last ? end : *(points[i + 1].*value);
    area += (next_threshold - points[i].threshold) * (*(points[i].*value) + next_value) / 2;
  }
  return area;
}

}  // namespace

FaithfulnessCurve MakeCurve(const TokenScore& clean, std::vector<FaithfulnessPoint> points) {
  FaithfulnessCurve curve{.clean = clean, .points = std::move(points)};
  if (curve.points.empty()) return curve;
  const double empty = curve.points.front().scores.alone.token.probability;
  const double range = clean.probability - empty;
  if (range == 0) return curve;
  for (FaithfulnessPoint& point : curve.points) {
    point.alone = (point.scores.alone.token.probability - empty) / range;
    point.without = (point.scores.without.token.probability - empty) / range;
  }
  curve.alone_area = AreaOf(curve.points, &FaithfulnessPoint::alone, 1);
  curve.without_area = AreaOf(curve.points, &FaithfulnessPoint::without, 0);
  return curve;
}

}  // namespace cajal::intervention
