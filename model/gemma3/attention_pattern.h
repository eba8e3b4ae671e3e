// The softmaxed attention of one decoder layer, some queries at a time: the whole pattern has
// heads * positions^2 numbers, which long prompts have no room for.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "model/checkpoint/config.h"
#include "model/gemma3/attention_layout.h"

namespace cajal::gemma3 {

class AttentionPattern {
 public:
  using Run = AttentionLayout::Run;

  // query: [..., H, T, head_dim], key: [..., K, U, head_dim], normed and rotated, for the T
  // positions from `first_query` and the U positions from `first_key` on, which must hold all keys
  // that the queries reach. `layout` must outlive it.
  AttentionPattern(const checkpoint::TextConfig& config, const AttentionLayout& layout,
                   checkpoint::LayerType type, at::Tensor query, at::Tensor key,
                   int64_t first_query = 0, int64_t first_key = 0);

  // Rows of the pattern, which add up to 1: [..., H, queries, keys], in the dtype of `query`. The
  // keys are those that the queries reach, `layout.ReachableKeys`.
  [[nodiscard]] at::Tensor Rows(Run queries) const;

  [[nodiscard]] Run Keys(Run queries) const { return layout_->ReachableKeys(type_, queries); }

  // [begin, end) cut into runs of at most kTile queries.
  static constexpr int64_t kTile = 512;
  [[nodiscard]] static std::vector<Run> Tiles(Run queries);

 private:
  const AttentionLayout* layout_;
  checkpoint::LayerType type_;
  double scale_;
  std::optional<double> soft_cap_;
  at::Tensor query_;
  at::Tensor key_;
  int64_t first_query_;
  int64_t first_key_;
};

}  // namespace cajal::gemma3
