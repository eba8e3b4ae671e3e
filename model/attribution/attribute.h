// From a prompt to its attribution graph.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/attribution/byte_estimate.h"
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
  // Whether rows leave the device for the host's memory where the budget does not hold them. Those
  // of a GPU always may. On the CPU both memories are one, and only tests have a use for it.
  bool rows_may_leave = false;
};

// What byte_estimate.h asks for, of a prompt of `n_positions` with `n_images` pictures and crops.
// Refers to the model and the transcoders.
GraphDimensions DimensionsOf(const gemma3::Model& model, const FoldedModel& folded,
                             const transcoder::TranscoderSet& transcoders,
                             const SweepWorkers& workers, int64_t n_positions, int64_t n_images,
                             int64_t budget_bytes);

// Everything but the graph's texts: nodes, edges, biases, additivity; model, transcoder and token
// texts are the caller's to fill in. Phases "vision", "forward", "encode", "logit_rows",
// "feature_rows", "package". Needs the model's thread.
//
// The context's reservation must cover EstimateGraphBytes(…).most, or be the whole budget. It is
// corrected when the features are known, and again whenever a new ranking of the features shows
// that more is needed. Where the whole budget does not hold all rows, they leave the device if they
// may. Where it does not hold what sweeps take either, half as many rows are swept at a time, and
// half of these, down to one. Where it is too small for one, INVALID_ARGUMENT, NEVER_FITS; where
// others hold it, or the host has no room for the rows, RESOURCE_EXHAUSTED, DOES_NOT_FIT_NOW. The
// graph does not depend on where its rows were, to the bit.
absl::StatusOr<graph::AttributionGraph> Attribute(const gemma3::Model& model,
                                                  const FoldedModel& folded,
                                                  const transcoder::TranscoderSet& transcoders,
                                                  const gemma3::ModelInput& input,
                                                  const AttributeOptions& options,
                                                  SweepWorkers* workers, RunContext* context);

}  // namespace cajal::attribution
