// Attention rollout of the vision tower over one picture: a matrix of patches that tells which
// patch looks at which.
//
//   layer A = mean over the kept heads of their patterns
//   A <- (A + I) / (row sums + 1e-6)
//   R = A_n … A_2 A_1                             the last n layers of the tower
//
// A head is kept for its mean row entropy, H = -sum p log(p + 1e-6) with p = row / (row sum +
// 1e-6): the max(1, round(fraction * heads)) lowest (released SiglipAttentionMapper; ties by
// index, halves rounded to even as Python does).
//
// No more than a tile of any pattern exists at once: one pass over a layer's tiles measures the
// heads, a second one makes the mean of the kept ones and multiplies it into R at once. Beside the
// tower's states there are R before and after a layer, and the layer's queries and keys.
//
// Pure functions of their arguments; the executor's thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/rollout/rollout_request.h"

namespace cajal::rollout {

struct PatchRollout {
  at::Tensor matrix;               // [P, P] float32; row = patch that looks
  std::vector<LayerHeads> layers;  // ascending
};

// block_inputs: [P, d_vision] each, the residuals that enter the tower's last blocks, one for each
// layer to multiply. Reports the phase "rollout", one unit per layer, and stops between tiles.
absl::StatusOr<PatchRollout> RollOut(const gemma3::Model& model,
                                     std::span<const at::Tensor> block_inputs, double head_fraction,
                                     RunContext* context);

// The pattern of one head as it is, [P, P] float32.
//   block_input: [P, d_vision], the residual that enters `layer`.
at::Tensor HeadPattern(const gemma3::Model& model, int layer, int head,
                       const at::Tensor& block_input);

// Cosine similarity of states, [P, P] float32. states: [P, d_vision], vision.hook_out.
at::Tensor Similarity(const at::Tensor& states);

// How many of n heads a fraction keeps.
int64_t KeptHeads(int64_t n_heads, double fraction);

}  // namespace cajal::rollout
