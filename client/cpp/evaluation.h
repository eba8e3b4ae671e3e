// How well the loaded transcoders reconstruct what they stand for, by layer, for text and images.
//
//   cc::TranscoderEvaluation total;
//   for (const std::vector<cc::Prompt>& prompts : batches) {
//     absl::StatusOr<cc::TranscoderEvaluation> part =
//         client->EvaluateTranscoders({.prompts = prompts});
//     …
//     if (absl::Status status = cc::Merge(*part, &total); !status.ok()) …
//   }
//   cajal::features::FiguresOf(total.layers[0].sums.image).fvu
//
// One call takes at most kMaxEvaluatedPrompts prompts, and ServerLimits.max_request_bytes. What it
// gives are sums, which add up over calls; reconstruction_sums.h (standard library only) says what
// they are and makes FVU, L0, dead and dense shares of them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "client/cpp/model.h"
#include "client/cpp/prompt.h"
#include "model/features/reconstruction_sums.h"

namespace cajal::client {

inline constexpr int kMaxEvaluatedPrompts = 64;

struct EvaluateTranscodersRequest {
  std::vector<Prompt> prompts = {};         // 1 to kMaxEvaluatedPrompts
  std::optional<int32_t> first_layer = {};  // default: 0
  std::optional<int32_t> last_layer = {};   // included; default: the model's last
};

struct EvaluatedLayer {
  int32_t layer = 0;
  features::LayerSums sums;
};

struct TranscoderEvaluation {
  std::vector<EvaluatedLayer> layers;  // ascending
  std::vector<PhaseTime> phases;
  double seconds = 0;  // of the jobs, waiting excluded
};

// Adds `more` to `total`, which may be empty. INVALID_ARGUMENT, and `total` as it was, when the two
// are of different layers or transcoders.
absl::Status Merge(const TranscoderEvaluation& more, TranscoderEvaluation* total);

}  // namespace cajal::client
