// Means and variances over the tokens of a batch.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/training/step_kernels.h"

namespace cajal::training {

// values: [tokens, d]. Returns [d].
at::Tensor ColumnSums(const at::Tensor& values, const StepKernels& kernels);
at::Tensor ColumnMeans(const at::Tensor& values, const StepKernels& kernels);

// sum((values - column means)^2)
double TotalVariance(const at::Tensor& values, const StepKernels& kernels);

}  // namespace cajal::training
