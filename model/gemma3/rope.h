// Rotary position embedding (HF Gemma3RotaryEmbedding, apply_rotary_pos_emb).
#pragma once

#include <ATen/core/Tensor.h>

#include "model/checkpoint/config.h"
#include "model/gemma3/device.h"

namespace cajal::gemma3 {

struct RopeTable {
  at::Tensor cos;  // [T, head_dim], for T positions
  at::Tensor sin;  // [T, head_dim]
};

// Of the positions [begin, end). Angles position * theta^(-2j/head_dim) / factor in float32, then
// cast to the placement's dtype.
RopeTable MakeRopeTable(const checkpoint::RopeConfig& config, int64_t begin, int64_t end,
                        int64_t head_dim, const Placement& placement);

// Rotates halves: [x1, x2] -> [x1 cos - x2 sin, x2 cos + x1 sin]. x: [..., T, head_dim].
at::Tensor ApplyRope(const at::Tensor& x, const RopeTable& table);

}  // namespace cajal::gemma3
