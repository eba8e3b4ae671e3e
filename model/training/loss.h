// The loss of one batch and its gradients, written by hand.
//
// Only k of the features carry gradient at a token, so all that is dense in a step is the encoder's
// product; autograd would make three products of that size.
//
//   a      = TopK(ReLU(x @ W_enc^T + b_enc), k)
//   e      = y - (a @ W_dec + b_dec + x @ W_skip^T)
//   FVU    = sum(e^2) / V      V = sum((y - mean of y over the batch)^2), at least 1e-8
//   loss   = FVU + auxk_coefficient * AuxK
//
// AuxK, when some features are dead (Gao et al., "Scaling and evaluating sparse autoencoders",
// appendix A.2, with the scale of EleutherAI's sparsify):
//
//   a_dead = TopK(ReLU(x @ W_enc^T + b_enc) of the dead features alone, min(k_aux, n_dead))
//   AuxK   = min(1, n_dead / k_aux) * sum((e - a_dead @ W_dec)^2) / V
//
// where e is a constant: AuxK moves dead features only. Its reconstruction has no bias.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/training/step_phases.h"
#include "model/training/training_settings.h"
#include "model/training/training_workspace.h"
#include "model/training/transcoder_parameters.h"

namespace cajal::training {

struct LossAndGradients {
  double loss = 0;
  double fvu = 0;
  double auxk = 0;       // before it is multiplied by the coefficient; 0 without dead features
  double l0 = 0;         // active features per token, AuxK's not counted
  at::Tensor is_active;  // [n_features] bool: active at some token
  TranscoderParameters gradients;  // in the workspace's memory
  StepPhases phases;
};

// x: [tokens, d_in], y: [tokens, d_out], float32, on the workspace's device. dead: [n_features]
// bool, or undefined when none is. Of `settings` only k and AuxK's are read.
LossAndGradients ComputeLossAndGradients(const TranscoderParameters& parameters,
                                         const at::Tensor& x, const at::Tensor& y,
                                         const TrainingSettings& settings, const at::Tensor& dead,
                                         TrainingWorkspace* workspace);

}  // namespace cajal::training
