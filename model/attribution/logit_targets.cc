#include "model/attribution/logit_targets.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cajal::attribution {
namespace {

LogitTargets MakeTargets(const gemma3::Model& model, const FoldedModel& folded, const Trace& trace,
                         const at::Tensor& probabilities, const at::Tensor& ids) {
  LogitTargets targets;
  targets.directions = model.weights.decoder.unembedding.index_select(0, ids).to(at::kFloat) -
                       folded.mean_unembedding;
  const at::Tensor values = at::mv(targets.directions, trace.final_normed).cpu();
  const at::Tensor chosen = probabilities.index_select(0, ids).to(at::kCPU, at::kFloat);
  const at::Tensor cpu_ids = ids.cpu();
  const auto n = static_cast<size_t>(ids.size(0));
  targets.token_ids.assign(cpu_ids.const_data_ptr<int64_t>(),
                           cpu_ids.const_data_ptr<int64_t>() + n);
  targets.probabilities.assign(chosen.const_data_ptr<float>(), chosen.const_data_ptr<float>() + n);
  targets.values.assign(values.const_data_ptr<float>(), values.const_data_ptr<float>() + n);
  return targets;
}

at::Tensor Probabilities(const Trace& trace) { return at::softmax(trace.logits, -1, at::kDouble); }

}  // namespace

LogitTargets ChooseLogitTargets(const gemma3::Model& model, const FoldedModel& folded,
                                const Trace& trace, int64_t max_n, double desired_prob) {
  const at::Tensor probabilities = Probabilities(trace);
  const auto [sorted, order] =
      at::sort(probabilities, /*stable=*/true, /*dim=*/-1, /*descending=*/true);
  const int64_t n_candidates = std::min(max_n, sorted.size(0));
  const at::Tensor reached = sorted.slice(0, 0, n_candidates).cumsum(0);
  const int64_t n_short = reached.lt(desired_prob).sum().item<int64_t>();
  const int64_t n = std::min(n_short + 1, n_candidates);
  return MakeTargets(model, folded, trace, probabilities, order.slice(0, 0, n));
}

LogitTargets NamedLogitTargets(const gemma3::Model& model, const FoldedModel& folded,
                               const Trace& trace, const std::vector<int64_t>& token_ids) {
  const at::Tensor probabilities = Probabilities(trace);
  const at::Tensor ids = at::tensor(token_ids, at::kLong).to(probabilities.device());
  const auto [sorted, order] = at::sort(probabilities.index_select(0, ids), /*stable=*/true,
                                        /*dim=*/-1, /*descending=*/true);
  return MakeTargets(model, folded, trace, probabilities, ids.index_select(0, order));
}

}  // namespace cajal::attribution
