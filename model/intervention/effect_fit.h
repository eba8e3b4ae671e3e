// How well predictions fit what was measured. Pure functions; no torch; any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace cajal::intervention {

// Of n pairs of a prediction p and a measurement m. What is not defined is not set: there are no
// pairs, or all predictions (for the correlation: predictions or measurements) are alike.
struct EffectFit {
  int64_t n = 0;
  // sum p m / sum p^2: of the line through the origin with the least squares, m = slope * p.
  std::optional<double> slope;
  std::optional<double> correlation;     // Pearson's
  std::optional<double> relative_error;  // sqrt(sum (m - p)^2 / sum p^2)
  std::optional<double> same_sign;       // share of the pairs with p m > 0, of those with p != 0
  double largest_error = 0;              // of |m - p|
};

// Adds pairs up. Sums are float64, the correlation's around running means (Welford's update).
class EffectFitter {
 public:
  void Add(double predicted, double measured);
  [[nodiscard]] EffectFit Fit() const;

 private:
  int64_t n_ = 0;
  int64_t n_signed_ = 0;  // with p != 0
  int64_t n_same_sign_ = 0;
  double products_ = 0;        // sum p m
  double squares_ = 0;         // sum p^2
  double squared_errors_ = 0;  // sum (m - p)^2
  double largest_error_ = 0;
  double mean_predicted_ = 0;
  double mean_measured_ = 0;
  // Sums of the centred products.
  double predicted_predicted_ = 0;
  double measured_measured_ = 0;
  double predicted_measured_ = 0;
};

}  // namespace cajal::intervention
