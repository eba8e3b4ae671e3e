#include "model/gemma3/attention_pattern.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "model/gemma3/host_to_device.h"

namespace cajal::gemma3 {

AttentionPattern::AttentionPattern(const checkpoint::TextConfig& config,
                                   const AttentionLayout& layout, checkpoint::LayerType type,
                                   at::Tensor query, at::Tensor key)
    : layout_(&layout),
      type_(type),
      scale_(std::pow(config.query_pre_attn_scalar, -0.5)),
      soft_cap_(config.attn_logit_softcapping),
      query_(std::move(query)),
      key_(std::move(key)) {}

at::Tensor AttentionPattern::Rows(Run queries) const {
  const Run keys = Keys(queries);
  // Each kv head serves H / K consecutive query heads.
  const int64_t group = query_.size(0) / key_.size(0);
  const at::Tensor q = query_.slice(1, queries.begin, queries.end);
  const at::Tensor k = key_.slice(1, keys.begin, keys.end).repeat_interleave(group, 0);
  at::Tensor scores = at::matmul(q, k.transpose(1, 2)) * scale_;
  if (soft_cap_.has_value()) scores = at::tanh(scores / *soft_cap_) * *soft_cap_;
  const at::Tensor forbidden = layout_->AllowedMask(type_, queries, keys).logical_not();
  scores.masked_fill_(ToDevice(forbidden, scores.device()),
                      -std::numeric_limits<float>::infinity());
  return at::softmax(scores, -1, at::kFloat).to(query_.scalar_type());
}

std::vector<AttentionPattern::Run> AttentionPattern::Tiles(Run queries) {
  std::vector<Run> tiles;
  for (int64_t begin = queries.begin; begin < queries.end; begin += kTile) {
    tiles.push_back({begin, std::min(begin + kTile, queries.end)});
  }
  return tiles;
}

}  // namespace cajal::gemma3
