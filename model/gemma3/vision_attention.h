// The softmaxed attention of one block of the vision tower, some patches at a time: one head's
// pattern of 4096 patches is 64 MiB, and there are sixteen.
//
// Used by the tower itself and by whoever looks at its attention afterwards
// (rollout/attention_rollout.h). HF modeling_siglip.SiglipAttention.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/checkpoint/config.h"
#include "model/gemma3/weights.h"

namespace cajal::gemma3 {

class VisionAttention {
 public:
  // Patches [begin, end), row-major over the picture.
  struct Run {
    int64_t begin = 0;
    int64_t end = 0;
  };

  // hidden: [images, P, d_vision], the residual that enters the block; its first norm is applied
  // here.
  VisionAttention(const VisionBlockWeights& weights, const checkpoint::VisionConfig& config,
                  const at::Tensor& hidden);

  // The residual after the block's first norm, [images, P, d_vision]: what values are made of.
  [[nodiscard]] const at::Tensor& normed() const { return normed_; }
  [[nodiscard]] int64_t n_heads() const { return query_.size(0); }
  [[nodiscard]] int64_t n_patches() const { return query_.size(2); }

  // Rows of a head's pattern, which add up to 1: [images, patches, P], float32.
  [[nodiscard]] at::Tensor Rows(int64_t head, Run patches) const;

  // All patches, cut into runs of at most kTile.
  static constexpr int64_t kTile = 256;
  [[nodiscard]] std::vector<Run> Tiles() const;

 private:
  double scale_;
  at::Tensor normed_;
  at::Tensor query_;  // [heads, images, P, head_dim]
  at::Tensor key_;    // [heads, images, head_dim, P]
};

}  // namespace cajal::gemma3
