// Named tensors of the forward pass, in TransformerLens' names.
//
//   blocks.{l}.hook_resid_pre        [T, d]        residual entering block l
//   blocks.{l}.attn.hook_in          [T, d]        after the input norm
//   blocks.{l}.attn.hook_rot_q       [H, T, h]     queries, normed and rotated
//   blocks.{l}.attn.hook_rot_k       [K, T, h]     keys, normed and rotated
//   blocks.{l}.attn.hook_pattern     [H, T, T]     softmaxed attention (query, key)
//   blocks.{l}.attn.hook_out         [T, d]        after o_proj
//   blocks.{l}.hook_attn_out         [T, d]        after the post-attention norm
//   blocks.{l}.hook_resid_mid        [T, d]
//   blocks.{l}.mlp.hook_in           [T, d]        after the pre-feed-forward norm
//   blocks.{l}.mlp.hook_out          [T, d]        down projection
//   blocks.{l}.hook_mlp_out          [T, d]        after the post-feed-forward norm
//   blocks.{l}.hook_resid_post       [T, d]
//   ln_final.hook_out                [T, d]
//   vision.blocks.{l}.hook_resid_pre     [images, P, d_vision]
//   vision.blocks.{l}.attn.hook_pattern  [images, heads, P, P]
//   vision.blocks.{l}.hook_resid_post    [images, P, d_vision]
//   vision.hook_out                      [images, P, d_vision]
//   projector.hook_out                   [images, tokens_per_image, d]
//
// T positions, d model width, H query heads, K key-value heads of width h, P patches. No torch
// here: servers validate names too.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/checkpoint/config.h"

namespace cajal::gemma3 {

// In the order of the computation. The tower runs before the decoder.
enum class HookSite {
  kVisionResidPre,
  kVisionPattern,
  kVisionResidPost,
  kVisionOut,
  kProjectorOut,
  kResidPre,
  kAttnIn,
  kAttnQuery,
  kAttnKey,
  kAttnPattern,
  kAttnOutRaw,
  kAttnOut,
  kResidMid,
  kMlpIn,
  kMlpOutRaw,
  kMlpOut,
  kResidPost,
  kFinalNorm,
};

struct HookPoint {
  HookSite site = HookSite::kResidPre;
  int layer = 0;  // 0 for sites that exist once

  friend bool operator==(const HookPoint&, const HookPoint&) = default;
  friend auto operator<=>(const HookPoint&, const HookPoint&) = default;
};

std::string HookName(const HookPoint& point);

// Whether it is a site of the vision tower; the projector is none.
inline bool IsVisionSite(HookSite site) { return site < HookSite::kProjectorOut; }

// All hook points of a model in the order of the computation (tower, projector, blocks, final
// norm).
std::vector<HookPoint> AllHookPoints(const checkpoint::Gemma3Config& config);

// The shape that the table above gives, for a prompt of n_positions with n_images pictures and
// crops.
std::vector<int64_t> HookShape(const checkpoint::Gemma3Config& config, const HookPoint& point,
                               int64_t n_positions, int64_t n_images);

// Those that the names or globs (* and ?) match, in the order of the computation, each once.
// INVALID_ARGUMENT (field "hooks[i]", reason UNKNOWN_HOOK) for a pattern that matches nothing; the
// message shows names that exist.
absl::StatusOr<std::vector<HookPoint>> MatchHookPoints(const checkpoint::Gemma3Config& config,
                                                       const std::vector<std::string>& patterns);

}  // namespace cajal::gemma3
