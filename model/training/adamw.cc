#include "model/training/adamw.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>
#include <vector>

namespace cajal::training {
namespace {

constexpr int64_t kValuesAtATime = int64_t{1} << 18;

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

double GradientNorm(const TranscoderParameters& gradients, const StepKernels& kernels) {
  double sum = 0;
  for (const at::Tensor& gradient : Tensors(gradients)) sum += kernels.SumOfSquares(gradient);
  return std::sqrt(sum);
}

void StepAdamW(const TrainingSettings& settings, double learning_rate, int64_t step,
               double gradient_norm, const TranscoderParameters& gradients,
               const StepKernels& kernels, TranscoderParameters* parameters, AdamWState* state) {
  const auto options = parameters->b_dec.options();
  const at::Tensor steps = at::full({}, static_cast<double>(step + 1), options);
  const std::optional<at::Tensor> divisor = ClipDivisor(settings, gradient_norm, options);
  const std::vector<at::Tensor> weights = Tensors(*parameters);
  const std::vector<at::Tensor> g = Tensors(gradients);
  const std::vector<at::Tensor> m = Tensors(state->m);
  const std::vector<at::Tensor> v = Tensors(state->v);
  for (size_t i = 0; i < weights.size(); ++i) {
    kernels.ForRanges(weights[i].numel(), kValuesAtATime, [&](int64_t begin, int64_t end) {
      const auto part = [&](const at::Tensor& tensor) {
        return tensor.flatten().slice(0, begin, end);
      };
      at::_fused_adamw_({part(weights[i])}, {part(g[i])}, {part(m[i])}, {part(v[i])},
                        /*max_exp_avg_sqs=*/{}, {steps}, learning_rate, settings.beta1,
                        settings.beta2, settings.weight_decay, settings.epsilon,
                        /*amsgrad=*/false, /*maximize=*/false, divisor);
    });
  }
}

}  // namespace cajal::training
