#include "model/training/loss.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "model/training/batch_statistics.h"

namespace cajal::training {
namespace {

constexpr double kLeastVariance = 1e-8;
constexpr int64_t kTokensAtATime = 256;

struct Encoded {
  SparseRows living;
  SparseRows dead;  // AuxK's; undefined tensors when there are none
};

SparseRows Concatenate(const std::vector<SparseRows>& blocks) {
  if (blocks.size() == 1) return blocks.front();
  std::vector<at::Tensor> values;
  std::vector<at::Tensor> features;
  for (const SparseRows& block : blocks) {
    values.push_back(block.values);
    features.push_back(block.features);
  }
  return {at::cat(values), at::cat(features)};
}

// dead_features: [n_dead] int64.
Encoded Encode(const TranscoderParameters& parameters, const at::Tensor& x,
               const TrainingSettings& settings, const at::Tensor& dead_features,
               TrainingWorkspace* workspace, StepPhases* phases) {
  const int64_t n_features = parameters.W_enc.size(0);
  const int64_t n_dead = dead_features.numel();
  const at::Tensor dead_bias = parameters.b_enc.index_select(0, dead_features);
  const int64_t block = workspace->TokensAtATime(n_features);
  std::vector<SparseRows> living;
  std::vector<SparseRows> dead;
  for (int64_t begin = 0; begin < x.size(0); begin += block) {
    const int64_t end = std::min(x.size(0), begin + block);
    Stopwatch watch;
    at::Tensor product = workspace->Product(end - begin, n_features);
    workspace->kernels().AddProduct(x.slice(0, begin, end), parameters.W_enc.t(), 0, 1, &product);
    watch.Lap(&phases->product);
    living.push_back(workspace->kernels().KeepLargest(product, parameters.b_enc, settings.k));
    if (n_dead > 0) {
      SparseRows rows = workspace->kernels().KeepLargest(
          product.index_select(1, dead_features), dead_bias, std::min(settings.k_aux, n_dead));
      rows.features = dead_features.index_select(0, rows.features.flatten()).view_as(rows.features);
      dead.push_back(std::move(rows));
    }
    watch.Lap(&phases->top_k);
  }
  return {Concatenate(living), n_dead > 0 ? Concatenate(dead) : SparseRows{}};
}

// y - b_dec (- x @ W_skip^T): what is left for the features to reconstruct.
at::Tensor Unexplained(const TranscoderParameters& parameters, const at::Tensor& x,
                       const at::Tensor& y, const StepKernels& kernels) {
  at::Tensor residual = at::empty_like(y);
  kernels.ForRanges(y.size(0), kTokensAtATime, [&](int64_t begin, int64_t end) {
    at::Tensor part = residual.slice(0, begin, end);
    at::sub_out(part, y.slice(0, begin, end), parameters.b_dec);
  });
  if (parameters.W_skip.defined()) {
    kernels.AddProduct(x, parameters.W_skip.t(), 1, -1, &residual);
  }
  return residual;
}

}  // namespace

LossAndGradients ComputeLossAndGradients(const TranscoderParameters& parameters,
                                         const at::Tensor& x, const at::Tensor& y,
                                         const TrainingSettings& settings, const at::Tensor& dead,
                                         TrainingWorkspace* workspace) {
  const StepKernels& kernels = workspace->kernels();
  const int64_t n_features = parameters.W_enc.size(0);
  const bool has_auxk = settings.auxk_coefficient > 0 && dead.defined();
  const at::Tensor dead_features =
      has_auxk ? dead.nonzero().squeeze(1) : at::empty({0}, x.options().dtype(at::kLong));
  const int64_t n_dead = dead_features.numel();

  LossAndGradients result;
  const Encoded encoded = Encode(parameters, x, settings, dead_features, workspace, &result.phases);

  Stopwatch watch;
  at::Tensor error = Unexplained(parameters, x, y, kernels);
  const at::Tensor dots = kernels.SubtractDecoded(encoded.living, parameters.W_dec, &error);
  const double variance = std::max(kLeastVariance, TotalVariance(y, kernels));
  result.fvu = kernels.SumOfSquares(error) / variance;
  // d loss / d y_hat = -2 / V * e, and the same with AuxK's weight for the second reconstruction.
  const double scale = -2 / variance;
  const double auxk_scale =
      std::min(1.0, static_cast<double>(n_dead) / static_cast<double>(settings.k_aux));
  at::Tensor auxk_error;
  at::Tensor auxk_dots;
  if (n_dead > 0) {
    auxk_error = error.clone();
    auxk_dots = kernels.SubtractDecoded(encoded.dead, parameters.W_dec, &auxk_error);
    result.auxk = auxk_scale * kernels.SumOfSquares(auxk_error) / variance;
  }
  result.loss = result.fvu + settings.auxk_coefficient * result.auxk;
  watch.Lap(&result.phases.decode);

  TranscoderParameters gradients = workspace->Gradients(parameters);
  const std::array<FeatureSum, 2> sums = {
      FeatureSum{encoded.living.values, error, scale, gradients.W_dec, {}},
      FeatureSum{dots, x, scale, gradients.W_enc, gradients.b_enc}};
  kernels.SumByFeature(encoded.living, sums, SumMode::kOverwrite);
  if (n_dead > 0) {
    const double s = scale * auxk_scale * settings.auxk_coefficient;
    const std::array<FeatureSum, 2> auxk_sums = {
        FeatureSum{encoded.dead.values, auxk_error, s, gradients.W_dec, {}},
        FeatureSum{auxk_dots, x, s, gradients.W_enc, gradients.b_enc}};
    kernels.SumByFeature(encoded.dead, auxk_sums, SumMode::kAdd);
  }
  gradients.b_dec.copy_(ColumnSums(error, kernels)).mul_(scale);
  if (gradients.W_skip.defined()) {
    kernels.AddProduct(error.t(), x, 0, scale, &gradients.W_skip);
  }
  result.gradients = std::move(gradients);
  watch.Lap(&result.phases.backward);

  const at::Tensor counts = kernels.CountByFeature(encoded.living, n_features);
  result.l0 = counts.sum().item<double>() / static_cast<double>(x.size(0));
  result.is_active = counts.gt(0);
  return result;
}

}  // namespace cajal::training
