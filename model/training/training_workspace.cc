#include "model/training/training_workspace.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cajal::training {
namespace {

at::Tensor SameShape(const at::Tensor& buffer, const at::Tensor& parameter) {
  if (!parameter.defined()) return {};
  return buffer.defined() && buffer.sizes() == parameter.sizes() ? buffer
                                                                 : at::empty_like(parameter);
}

}  // namespace

int64_t TrainingWorkspace::TokensAtATime(int64_t n_features) const {
  const int64_t token_bytes = n_features * static_cast<int64_t>(sizeof(float));
  return std::max<int64_t>(1, product_bytes_ / token_bytes);
}

at::Tensor TrainingWorkspace::Product(int64_t tokens, int64_t n_features) {
  const int64_t size = tokens * n_features;
  if (!product_.defined() || product_.numel() < size) {
    product_ = at::empty({size}, at::TensorOptions().dtype(at::kFloat).device(device_));
  }
  return product_.slice(0, 0, size).view({tokens, n_features});
}

TranscoderParameters TrainingWorkspace::Gradients(const TranscoderParameters& parameters) {
  gradients_ = {
      SameShape(gradients_.W_enc, parameters.W_enc), SameShape(gradients_.b_enc, parameters.b_enc),
      SameShape(gradients_.W_dec, parameters.W_dec), SameShape(gradients_.b_dec, parameters.b_dec),
      SameShape(gradients_.W_skip, parameters.W_skip)};
  return gradients_;
}

}  // namespace cajal::training
