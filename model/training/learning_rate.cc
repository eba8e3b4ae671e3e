#include "model/training/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cajal::training {
namespace {

double WarmUp(const TrainingSettings& settings, int64_t step) {
  if (step >= settings.warm_up_steps) return 1;
  return static_cast<double>(step + 1) / static_cast<double>(settings.warm_up_steps);
}

double DecayFactor(const TrainingSettings& settings, int64_t step) {
  const double steps = static_cast<double>(settings.steps);
  const double begin = settings.decay_start * steps;
  const double at = static_cast<double>(step);
  if (settings.decay == Decay::kNone || at <= begin) return 1;
  const double progress = std::min(1.0, (at - begin) / (steps - begin));
  return settings.decay == Decay::kLinear ? 1 - progress
                                          : (1 + std::cos(std::numbers::pi * progress)) / 2;
}

}  // namespace

double PeakLearningRate(const TrainingSettings& settings) {
  if (settings.learning_rate.has_value()) return *settings.learning_rate;
  return 2e-4 * std::sqrt(16384.0 / static_cast<double>(settings.n_features));
}

double LearningRateAt(const TrainingSettings& settings, int64_t step) {
  return PeakLearningRate(settings) * WarmUp(settings, step) * DecayFactor(settings, step);
}

}  // namespace cajal::training
