#include "model/training/adamw.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>
#include <vector>

namespace cajal::training {
namespace {

std::vector<at::Tensor> Tensors(const TranscoderParameters& parameters) {
  std::vector<at::Tensor> tensors;
  for (auto& [name, tensor] : parameters.Named()) tensors.push_back(tensor);
  return tensors;
}

// What the optimiser divides gradients by; nothing when they stay as they are.
std::optional<at::Tensor> ClipDivisor(const TrainingSettings& settings, double norm,
                                      const at::TensorOptions& options) {
  if (settings.gradient_clip_norm == 0) return std::nullopt;
  const double divisor = (norm + 1e-6) / settings.gradient_clip_norm;
  if (divisor <= 1) return std::nullopt;
  return at::full({}, divisor, options);
}

}  // namespace

double GradientNorm(const TranscoderParameters& gradients, const SparseKernels& kernels) {
  double sum = 0;
  for (const at::Tensor& gradient : Tensors(gradients)) sum += kernels.SumOfSquares(gradient);
  return std::sqrt(sum);
}

void StepAdamW(const TrainingSettings& settings, double learning_rate, int64_t step,
               double gradient_norm, const TranscoderParameters& gradients,
               TranscoderParameters* parameters, AdamWState* state) {
  const std::vector<at::Tensor> weights = Tensors(*parameters);
  const auto options = parameters->b_dec.options();
  const std::vector<at::Tensor> steps(weights.size(),
                                      at::full({}, static_cast<double>(step + 1), options));
  at::_fused_adamw_(weights, Tensors(gradients), Tensors(state->m), Tensors(state->v),
                    /*max_exp_avg_sqs=*/{}, steps, learning_rate, settings.beta1, settings.beta2,
                    settings.weight_decay, settings.epsilon, /*amsgrad=*/false,
                    /*maximize=*/false, ClipDivisor(settings, gradient_norm, options));
}

}  // namespace cajal::training
