#include "model/transcoder/activation.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cajal::transcoder {
namespace {

at::Tensor KeepLargest(const at::Tensor& x, int64_t k) {
  const auto [values, indices] = at::topk(x, std::min(k, x.size(-1)), -1);
  return at::zeros_like(x).scatter_(-1, indices, values);
}

}  // namespace

at::Tensor Activate(ActivationKind kind, int64_t k, const at::Tensor& threshold,
                    const at::Tensor& pre) {
  switch (kind) {
    case ActivationKind::kRelu:
      return at::relu(pre);
    case ActivationKind::kReluTopK:
      return KeepLargest(at::relu(pre), k);
    case ActivationKind::kTopK:
      return KeepLargest(pre, k);
    // The strict comparison is circuit-tracer's and Gemma Scope's.
    case ActivationKind::kJumpRelu:
      return pre * pre.gt(threshold);
  }
  return {};
}

}  // namespace cajal::transcoder
