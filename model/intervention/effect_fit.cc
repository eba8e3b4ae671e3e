#include "model/intervention/effect_fit.h"

#include <algorithm>
#include <cmath>

namespace cajal::intervention {

void EffectFitter::Add(double predicted, double measured) {
  ++n_;
  products_ += predicted * measured;
  squares_ += predicted * predicted;
  const double error = measured - predicted;
  squared_errors_ += error * error;
  largest_error_ = std::max(largest_error_, std::abs(error));
  if (predicted != 0) {
    ++n_signed_;
    n_same_sign_ += predicted * measured > 0 ? 1 : 0;
  }
  const double from_predicted = predicted - mean_predicted_;
  const double from_measured = measured - mean_measured_;
  mean_predicted_ += from_predicted / static_cast<double>(n_);
  mean_measured_ += from_measured / static_cast<double>(n_);
  predicted_predicted_ += from_predicted * (predicted - mean_predicted_);
  measured_measured_ += from_measured * (measured - mean_measured_);
  predicted_measured_ += from_predicted * (measured - mean_measured_);
}

EffectFit EffectFitter::Fit() const {
  EffectFit fit{.n = n_, .largest_error = largest_error_};
  if (squares_ > 0) {
    fit.slope = products_ / squares_;
    fit.relative_error = std::sqrt(squared_errors_ / squares_);
  }
  if (predicted_predicted_ > 0 && measured_measured_ > 0) {
    fit.correlation = predicted_measured_ / std::sqrt(predicted_predicted_ * measured_measured_);
  }
  if (n_signed_ > 0) {
    fit.same_sign = static_cast<double>(n_same_sign_) / static_cast<double>(n_signed_);
  }
  return fit;
}

}  // namespace cajal::intervention
