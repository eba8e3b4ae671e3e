// Runs a prompt without some nodes of its graph, and measures what becomes of others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/intervention/ablation.h"
#include "model/intervention/intervene.h"
#include "model/intervention/resolve_edits.h"
#include "model/intervention/target_reader.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::intervention {

// Whether model and prompt have what the request names; it comes from a graph, so a place that does
// not exist is INVALID_ARGUMENT, OTHER_MODEL, with the field "graph". Also CheckRunSettings'
// errors.
absl::Status CheckAblations(const AblationRequest& request, const EditLimits& limits,
                            int32_t max_positions);

// A request in the model's terms. Everything must outlive the call.
struct PreparedAblations {
  const gemma3::ModelInput& input;
  const AblationRequest& request;
  std::vector<TokenWeights> terms;  // of each target; empty for features
  at::Tensor mean_unembedding;      // [d], float32
  int64_t answer_id = -1;           // -1: the clean run's most probable token
  int32_t answer_position = 0;      // from 0
  int64_t zero_positions = 0;
  int64_t runs_at_once = 1;
};

// The answer's text is left to the caller. Phases "vision" and "forward", then "frozen", "unfrozen"
// and "circuits", one unit for each run. INVALID_ARGUMENT, PROMPT_DIFFERS, with the field "prompt"
// when the activations are not those of the request. Needs the model's thread.
absl::StatusOr<AblationResult> MeasureAblations(const gemma3::Model& model,
                                                const transcoder::TranscoderSet& transcoders,
                                                const PreparedAblations& prepared,
                                                RunContext* context);

// Memory beyond the model, for InterventionBytes::SetsAtOnce with MostRuns.
InterventionBytes EstimateAblationBytes(const checkpoint::Gemma3Config& config,
                                        const transcoder::TranscoderSetInfo& transcoders,
                                        const AblationRequest& request, int64_t n_positions,
                                        int64_t n_images);
// Of one phase.
int64_t MostRuns(const AblationRequest& request);

}  // namespace cajal::intervention
