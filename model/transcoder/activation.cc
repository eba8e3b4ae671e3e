#include "model/transcoder/activation.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cajal::transcoder {
namespace {

at::Tensor KeepLargest(const at::Tensor& x, int64_t k) {
  const auto [values, indices] = at::topk(x, std::min(k, x.size(-1)), -1);
  return at::zeros_like(x).scatter_(-1, indices, values);
}

at::Tensor KeepLargestOfGroups(const at::Tensor& x, int64_t k) {
  const int64_t n = x.size(-1);
  const auto [values, indices] = x.view({-1, k, n / k}).max(-1);
  const at::Tensor offsets = at::arange(0, n, n / k, indices.options());
  return at::zeros_like(x).scatter_(-1, indices + offsets, values);
}

// The reference takes its candidates as the 4 k largest of each row, then those not below the
// (k T)-th largest candidate of all rows.
at::Tensor KeepLargestOfBatch(const at::Tensor& x, int64_t k) {
  const at::Tensor candidates = KeepLargest(x, 4 * k);
  const int64_t n_kept = std::min(k * x.size(0), x.numel());
  const at::Tensor smallest = std::get<0>(at::topk(candidates.flatten(), n_kept)).min();
  return candidates * candidates.ge(smallest);
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
      return pre.masked_fill(pre.le(threshold), 0);
    case ActivationKind::kGroupMax:
      return KeepLargestOfGroups(at::relu(pre), k);
    case ActivationKind::kBatchTopK:
      return KeepLargestOfBatch(at::relu(pre), k);
  }
  return {};
}

}  // namespace cajal::transcoder
