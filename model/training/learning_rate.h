// The learning rate of each step.
#pragma once

#include <cstdint>

#include "model/training/training_settings.h"

namespace cajal::training {

// settings.learning_rate, or the paper's rule 2e-4 * sqrt(2^14 / n_features).
double PeakLearningRate(const TrainingSettings& settings);

// Of step 0, 1, …: peak * min(1, (step + 1) / warm_up_steps) * decay, where decay falls from 1 at
// step decay_start * steps towards 0 at step `steps`, and stays 0 beyond.
double LearningRateAt(const TrainingSettings& settings, int64_t step);

}  // namespace cajal::training
