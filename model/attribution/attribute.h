// From a prompt to its attribution graph.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/attribution/frozen_model.h"
#include "model/attribution/sweep_workers.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/graph/attribution_graph.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::attribution {

struct AttributeOptions {
  graph::GraphSettings settings;
  // For each of settings.targets the vocabulary ids of its tokens (target_check.h).
  std::vector<std::vector<int64_t>> target_token_ids;
  int64_t budget_bytes = 0;  // refuse with NEVER_FITS above it; 0 = no limit
};

// Everything but the graph's texts: nodes, edges, biases, additivity; model, transcoder and token
// texts are the caller's to fill in. Phases "vision", "forward", "encode", "logit_rows",
// "feature_rows", "package". Needs the model's thread.
absl::StatusOr<graph::AttributionGraph> Attribute(const gemma3::Model& model,
                                                  const FoldedModel& folded,
                                                  const transcoder::TranscoderSet& transcoders,
                                                  const gemma3::ModelInput& input,
                                                  const AttributeOptions& options,
                                                  SweepWorkers* workers, RunContext* context);

}  // namespace cajal::attribution
