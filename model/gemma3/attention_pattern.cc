#include "model/gemma3/attention_pattern.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "model/base/check.h"
#include "model/gemma3/host_to_device.h"

namespace cajal::gemma3 {

AttentionPattern::AttentionPattern(const checkpoint::TextConfig& config,
                                   const AttentionLayout& layout, checkpoint::LayerType type,
                                   at::Tensor query, at::Tensor key, int64_t first_query,
                                   int64_t first_key)
    : layout_(&layout),
      type_(type),
      scale_(std::pow(config.query_pre_attn_scalar, -0.5)),
      soft_cap_(config.attn_logit_softcapping),
      query_(std::move(query)),
      key_(std::move(key)),
      first_query_(first_query),
      first_key_(first_key) {}

at::Tensor AttentionPattern::Rows(Run queries) const {
  const Run keys = Keys(queries);
  CAJAL_CHECK(keys.begin >= first_key_ && keys.end <= first_key_ + key_.size(-2))
      << "a query reaches a key that is not there";
  // Each kv head serves H / K consecutive query heads.
  const int64_t group = query_.size(-3) / key_.size(-3);
  const at::Tensor q = query_.slice(-2, queries.begin - first_query_, queries.end - first_query_);
  const at::Tensor k =
      key_.slice(-2, keys.begin - first_key_, keys.end - first_key_).repeat_interleave(group, -3);
  at::Tensor scores = at::matmul(q, k.transpose(-2, -1)) * scale_;
  if (soft_cap_.has_value()) scores = at::tanh(scores / *soft_cap_) * *soft_cap_;
  // One query alone may attend to all that it reaches.
  if (queries.end - queries.begin > 1) {
    const at::Tensor forbidden = layout_->AllowedMask(type_, queries, keys).logical_not();
    scores.masked_fill_(ToDevice(forbidden, scores.device()),
                        -std::numeric_limits<float>::infinity());
  }
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
