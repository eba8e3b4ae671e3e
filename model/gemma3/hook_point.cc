#include "model/gemma3/hook_point.h"

#include <fnmatch.h>

#include <algorithm>

#include "model/base/status.h"

namespace cajal::gemma3 {
namespace {

// What follows "blocks.{l}." or "vision.blocks.{l}.", or the whole name of a site that exists once.
const char* SiteName(HookSite site) {
  switch (site) {
    case HookSite::kVisionResidPre:
      return "hook_resid_pre";
    case HookSite::kVisionPattern:
      return "attn.hook_pattern";
    case HookSite::kVisionResidPost:
      return "hook_resid_post";
    case HookSite::kVisionOut:
      return "vision.hook_out";
    case HookSite::kProjectorOut:
      return "projector.hook_out";
    case HookSite::kResidPre:
      return "hook_resid_pre";
    case HookSite::kAttnIn:
      return "attn.hook_in";
    case HookSite::kAttnQuery:
      return "attn.hook_rot_q";
    case HookSite::kAttnKey:
      return "attn.hook_rot_k";
    case HookSite::kAttnPattern:
      return "attn.hook_pattern";
    case HookSite::kAttnOutRaw:
      return "attn.hook_out";
    case HookSite::kAttnOut:
      return "hook_attn_out";
    case HookSite::kResidMid:
      return "hook_resid_mid";
    case HookSite::kMlpIn:
      return "mlp.hook_in";
    case HookSite::kMlpOutRaw:
      return "mlp.hook_out";
    case HookSite::kMlpOut:
      return "hook_mlp_out";
    case HookSite::kResidPost:
      return "hook_resid_post";
    case HookSite::kFinalNorm:
      return "ln_final.hook_out";
  }
  return "";
}

constexpr HookSite kVisionBlockSites[] = {HookSite::kVisionResidPre, HookSite::kVisionPattern,
                                          HookSite::kVisionResidPost};
constexpr HookSite kBlockSites[] = {
    HookSite::kResidPre,    HookSite::kAttnIn,     HookSite::kAttnQuery, HookSite::kAttnKey,
    HookSite::kAttnPattern, HookSite::kAttnOutRaw, HookSite::kAttnOut,   HookSite::kResidMid,
    HookSite::kMlpIn,       HookSite::kMlpOutRaw,  HookSite::kMlpOut,    HookSite::kResidPost};

}  // namespace

std::string HookName(const HookPoint& point) {
  switch (point.site) {
    case HookSite::kVisionOut:
    case HookSite::kProjectorOut:
    case HookSite::kFinalNorm:
      return SiteName(point.site);
    case HookSite::kVisionResidPre:
    case HookSite::kVisionPattern:
    case HookSite::kVisionResidPost:
      return "vision.blocks." + std::to_string(point.layer) + "." + SiteName(point.site);
    default:
      return "blocks." + std::to_string(point.layer) + "." + SiteName(point.site);
  }
}

std::vector<HookPoint> AllHookPoints(const checkpoint::Gemma3Config& config) {
  std::vector<HookPoint> points;
  if (config.vision.has_value()) {
    for (int layer = 0; layer < config.vision->num_hidden_layers; ++layer) {
      for (const HookSite site : kVisionBlockSites) points.push_back({site, layer});
    }
    points.push_back({HookSite::kVisionOut, 0});
    points.push_back({HookSite::kProjectorOut, 0});
  }
  for (int layer = 0; layer < config.text.num_hidden_layers; ++layer) {
    for (const HookSite site : kBlockSites) points.push_back({site, layer});
  }
  points.push_back({HookSite::kFinalNorm, 0});
  return points;
}

std::vector<int64_t> HookShape(const checkpoint::Gemma3Config& config, const HookPoint& point,
                               int64_t n_positions, int64_t n_images) {
  const checkpoint::TextConfig& text = config.text;
  const checkpoint::VisionConfig vision = config.vision.value_or(checkpoint::VisionConfig{});
  const int64_t patches = vision.patches_per_side() * vision.patches_per_side();
  switch (point.site) {
    case HookSite::kVisionPattern:
      return {n_images, vision.num_attention_heads, patches, patches};
    case HookSite::kVisionResidPre:
    case HookSite::kVisionResidPost:
    case HookSite::kVisionOut:
      return {n_images, patches, vision.hidden_size};
    case HookSite::kProjectorOut:
      return {n_images, config.mm_tokens_per_image, text.hidden_size};
    case HookSite::kAttnQuery:
      return {text.num_attention_heads, n_positions, text.head_dim};
    case HookSite::kAttnKey:
      return {text.num_key_value_heads, n_positions, text.head_dim};
    case HookSite::kAttnPattern:
      return {text.num_attention_heads, n_positions, n_positions};
    default:
      return {n_positions, text.hidden_size};
  }
}

absl::StatusOr<std::vector<HookPoint>> MatchHookPoints(const checkpoint::Gemma3Config& config,
                                                       const std::vector<std::string>& patterns) {
  const std::vector<HookPoint> all = AllHookPoints(config);
  std::vector<bool> wanted(all.size(), false);
  for (size_t i = 0; i < patterns.size(); ++i) {
    bool matched = false;
    for (size_t j = 0; j < all.size(); ++j) {
      if (fnmatch(patterns[i].c_str(), HookName(all[j]).c_str(), 0) == 0) {
        wanted[j] = matched = true;
      }
    }
    if (!matched) {
      return InvalidField("hooks[" + std::to_string(i) + "]", "UNKNOWN_HOOK",
                          "no hook point matches '" + patterns[i] + "'; there are blocks.{0…" +
                              std::to_string(config.text.num_hidden_layers - 1) +
                              "}.{hook_resid_pre, attn.hook_in, attn.hook_rot_q, attn.hook_rot_k, "
                              "attn.hook_pattern, attn.hook_out, hook_attn_out, hook_resid_mid, "
                              "mlp.hook_in, mlp.hook_out, "
                              "hook_mlp_out, hook_resid_post}, ln_final.hook_out" +
                              (config.vision.has_value() ? ", vision.blocks.{l}.{hook_resid_pre, "
                                                           "attn.hook_pattern, hook_resid_post}, "
                                                           "vision.hook_out, projector.hook_out"
                                                         : ""));
    }
  }
  std::vector<HookPoint> result;
  for (size_t j = 0; j < all.size(); ++j) {
    if (wanted[j]) result.push_back(all[j]);
  }
  return result;
}

}  // namespace cajal::gemma3
