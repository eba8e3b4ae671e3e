// The frozen model and its adjoint.
//
// With attention patterns, norm scales and MLP outputs held at a trace's values, the model is
// linear in what the sources write to the residual stream. Its adjoint carries a gradient from a
// block's output to its input in closed form (circuit_tracer's local replacement model, without
// autograd):
//
//   g_mid = g + skip path + rows injected at this layer's feature input
//   g_pre = g_mid + sum over heads of  Pattern^T (g_mid Wo) Wv   with the frozen norms in between
//
// Gains of the norms are folded into Wo, Wv and the skip matrix once per model; the scales, which
// are one number per position, are folded into the patterns. Those of a prompt that is one tile of
// queries long (AttentionPattern::kTile) are kept, so that what is left per batch are matrix
// products alone. Those of longer ones are computed again for each batch, tile by tile: they grow
// with the square of the prompt, and cost one part in `rows` of the products that they go into.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "model/attribution/trace.h"
#include "model/gemma3/attention_layout.h"
#include "model/gemma3/attention_pattern.h"
#include "model/gemma3/model.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::attribution {

// One block's linear maps with the norms' gains folded in, of the gradients' type. H heads, K kv
// heads, h head_dim.
struct FoldedBlock {
  at::Tensor output;  // [H, d, h]: post-attention gain, then head i's columns of o_proj
  at::Tensor value;   // [K, h, d]: head i's rows of v_proj, then the input gain
  std::optional<at::Tensor> skip;  // [d, d]: adjoint of the transcoder's affine path
};

// Depends on the model and the transcoders only: made once, when both are loaded.
struct FoldedModel {
  std::vector<FoldedBlock> blocks;
  at::Tensor mean_unembedding;  // [d], the mean of the unembedding rows over the vocabulary

  // Of the gradients, and of the rows that come of them; products add up in float32 either way.
  [[nodiscard]] at::ScalarType gradient_type() const { return blocks[0].output.scalar_type(); }
};

// float32 on the CPU. On a GPU the type of the weights: what is bfloat16 anyway is then swept in
// half the memory, at many times the rate of float32.
at::ScalarType GradientTypeFor(const gemma3::Placement& placement);

FoldedModel FoldModel(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
                      at::ScalarType gradient_type = at::kFloat);

// A gradient on the residual stream for a batch of rows, position-major so that each position is
// one contiguous matrix. Zero outside `active`.
struct ResidualGradient {
  at::Tensor values;                          // [n, rows, d], of the prompt's first n positions
  gemma3::AttentionLayout::Run active{0, 0};  // positions that can be non-zero

  [[nodiscard]] bool empty() const { return active.begin >= active.end; }
  [[nodiscard]] int64_t n_rows() const { return values.size(1); }
  void Widen(const gemma3::AttentionLayout::Run& run);
  // Appends rows of zeros.
  void AddRows(int64_t n);
};

// The adjoint of one trace. `model`, `folded` and `trace` must outlive it.
class FrozenModel {
 public:
  FrozenModel(const gemma3::Model& model, const transcoder::TranscoderSetInfo& transcoders,
              const FoldedModel& folded, const Trace& trace);

  // Maps an encoder row (a gradient at the feature input of (layer, position)) to the gradient at
  // hook_resid_mid there. rows: [n, d]; positions: [n] int64 on the device. Returns [n, d].
  [[nodiscard]] at::Tensor FeatureInputToMid(int layer, const at::Tensor& rows,
                                             const at::Tensor& positions) const;
  // Maps gradients at ln_final's output to hook_resid_post of the last block. rows: [n, d];
  // positions: [n] int64 on the device. Returns [n, d].
  [[nodiscard]] at::Tensor FinalNormedToResidual(const at::Tensor& rows,
                                                 const at::Tensor& positions) const;

  [[nodiscard]] at::ScalarType gradient_type() const { return folded_.gradient_type(); }

  // How many of the prompt's first positions a gradient at `position` can ever reach.
  [[nodiscard]] int64_t ReachOf(int64_t position) const;

  // In place: the gradient at hook_resid_post of `layer` becomes the one at its hook_resid_mid, but
  // for rows that are injected there. Only transcoders with a skip change it.
  void PullBackMlp(int layer, ResidualGradient* gradient) const;
  // In place: the gradient at hook_resid_mid of `layer` becomes the one at its hook_resid_pre, and
  // `active` widens to what attention can reach.
  void PullBackAttention(int layer, ResidualGradient* gradient) const;

 private:
  using Run = gemma3::AttentionLayout::Run;
  struct Layer {
    gemma3::AttentionPattern attention;
    at::Tensor pattern;     // FoldPattern of all positions; of prompts that are one tile long
    at::Tensor skip_scale;  // [T]; with a skip only
  };

  // [K, keys, H / K, queries] for the keys that the queries reach: their attention, with both
  // frozen attention norms folded in.
  [[nodiscard]] at::Tensor FoldPattern(int layer, Run queries) const;
  // The same, from what is kept of it.
  [[nodiscard]] at::Tensor PatternOf(int layer, Run queries) const;

  const gemma3::Model& model_;
  const FoldedModel& folded_;
  const Trace& trace_;
  std::vector<Layer> layers_;
};

}  // namespace cajal::attribution
