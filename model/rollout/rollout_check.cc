#include "model/rollout/rollout_check.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "model/base/status.h"

namespace cajal::rollout {
namespace {

absl::Status CheckIndex(const std::string& field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("is ", value, "; must be from ", low, " to ", high));
}

const tokenizer::ImageSpan* SpanAt(const tokenizer::TokenizedPrompt& prompt, int32_t position) {
  const auto span =
      std::find_if(prompt.image_spans.begin(), prompt.image_spans.end(),
                   [&](const auto& s) { return position >= s.begin && position < s.end; });
  return span == prompt.image_spans.end() ? nullptr : &*span;
}

int32_t FromTheStart(int32_t position, int32_t n_positions) {
  return position < 0 ? position + n_positions : position;
}

}  // namespace

absl::Status CheckRequest(const checkpoint::Gemma3Config& config,
                          std::span<const int64_t> features_per_layer,
                          const RolloutRequest& request) {
  if (!config.vision.has_value()) {
    return InvalidField("prompt", "NO_VISION", "the loaded model has no vision tower");
  }
  const RolloutSettings& settings = request.settings;
  const int64_t n_layers = config.vision->num_hidden_layers;
  if (settings.method == Method::kRollout) {
    RETURN_IF_ERROR(CheckIndex("settings.last_layers", settings.last_layers, 1, n_layers));
    if (!(settings.head_fraction > 0 && settings.head_fraction <= 1)) {
      return InvalidField("settings.head_fraction", "must be above 0 and at most 1");
    }
  }
  if (settings.method == Method::kAttention) {
    RETURN_IF_ERROR(CheckIndex("settings.layer", settings.layer, -n_layers, n_layers - 1));
    RETURN_IF_ERROR(
        CheckIndex("settings.head", settings.head, 0, config.vision->num_attention_heads - 1));
  }
  if (request.feature.has_value()) {
    if (!request.weights.empty()) {
      return InvalidField("feature", "is given beside weights; one of the two says how maps count");
    }
    const auto n = std::ssize(features_per_layer);
    RETURN_IF_ERROR(CheckIndex("feature.layer", request.feature->layer, 0, n - 1));
    RETURN_IF_ERROR(
        CheckIndex("feature.index", request.feature->index, 0,
                   features_per_layer[static_cast<size_t>(request.feature->layer)] - 1));
  }
  for (size_t i = 0; i < request.weights.size(); ++i) {
    if (!(request.weights[i] >= 0) || std::isinf(request.weights[i])) {
      return InvalidField(absl::StrCat("weights[", i, "]"), "must be finite and at least 0");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRequest(const tokenizer::TokenizedPrompt& prompt, const RolloutRequest& request) {
  if (prompt.image_spans.empty()) {
    return InvalidField("prompt", "NO_IMAGE", "has no picture to map");
  }
  const int32_t T = prompt.n_positions();
  if (request.positions.has_value()) {
    for (size_t i = 0; i < request.positions->size(); ++i) {
      const int32_t position = (*request.positions)[i];
      const std::string field = absl::StrCat("positions[", i, "]");
      RETURN_IF_ERROR(CheckIndex(field, position, -T, T - 1));
      if (SpanAt(prompt, FromTheStart(position, T)) != nullptr) continue;
      std::string runs;
      for (const tokenizer::ImageSpan& span : prompt.image_spans) {
        absl::StrAppend(&runs, runs.empty() ? "" : ", ", span.begin, " to ", span.end - 1);
      }
      return InvalidField(
          field, absl::StrCat("is ", position, ", not an image token; those are at ", runs));
    }
  }
  if (!request.weights.empty() && std::ssize(request.weights) != T) {
    return InvalidField("weights", absl::StrCat("has ", request.weights.size(),
                                                " numbers for a prompt of ", T, " positions"));
  }
  return absl::OkStatus();
}

int32_t AttentionLayer(const checkpoint::Gemma3Config& config, const RolloutSettings& settings) {
  return settings.layer < 0
             ? settings.layer + static_cast<int32_t>(config.vision->num_hidden_layers)
             : settings.layer;
}

std::vector<std::vector<int32_t>> TokensAskedFor(const tokenizer::TokenizedPrompt& prompt,
                                                 const RolloutRequest& request) {
  const int32_t T = prompt.n_positions();
  std::vector<bool> asked(static_cast<size_t>(T), !request.positions.has_value());
  for (const int32_t position : request.positions.value_or(std::vector<int32_t>())) {
    asked[static_cast<size_t>(FromTheStart(position, T))] = true;
  }
  std::vector<std::vector<int32_t>> tokens;
  for (const tokenizer::ImageSpan& span : prompt.image_spans) {
    std::vector<int32_t>& of_span = tokens.emplace_back();
    for (int32_t position = span.begin; position < span.end; ++position) {
      if (asked[static_cast<size_t>(position)]) of_span.push_back(position - span.begin);
    }
  }
  return tokens;
}

}  // namespace cajal::rollout
