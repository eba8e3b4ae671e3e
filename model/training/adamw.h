// AdamW with float32 state, as torch.optim.AdamW, and clipping as torch.nn.utils.clip_grad_norm_.
//
//   g  <- g * min(1, gradient_clip_norm / (norm + 1e-6))      norm: of all gradients together
//   w  <- w * (1 - lr * weight_decay)
//   m  <- beta1 m + (1 - beta1) g        v <- beta2 v + (1 - beta2) g^2
//   w  <- w - lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)      t = 1, 2, …
#pragma once

#include <cstdint>

#include "model/training/step_kernels.h"
#include "model/training/training_settings.h"
#include "model/training/transcoder_parameters.h"

namespace cajal::training {

// The moving means of the gradients and of their squares; zeros before the first step.
struct AdamWState {
  TranscoderParameters m;
  TranscoderParameters v;
};

// Of all gradients together, before clipping.
double GradientNorm(const TranscoderParameters& gradients, const StepKernels& kernels);

// One step, in place, in one sweep over the memory. `step` counts from 0. Clipping may scale
// `gradients`.
void StepAdamW(const TrainingSettings& settings, double learning_rate, int64_t step,
               double gradient_norm, const TranscoderParameters& gradients,
               const StepKernels& kernels, TranscoderParameters* parameters, AdamWState* state);

}  // namespace cajal::training
