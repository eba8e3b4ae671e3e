// The rows that a graph is traced back from: the caller's targets (graph/target.h) in the model's
// terms.
//
// A token's row starts from a direction at ln_final's output at its position; so does that of a sum
// of tokens or of the caller's own direction. A feature's row starts where the feature reads, and
// is the row that the feature has in any graph. circuit-tracer knows the former
// (attribution/targets.py: AttributionTargets and CustomTarget); virtual ids, weights and labels
// are as there.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/attribution/frozen_model.h"
#include "model/attribution/source_table.h"
#include "model/attribution/trace.h"
#include "model/gemma3/model.h"
#include "model/graph/attribution_graph.h"

namespace cajal::attribution {

// Every target has a rank: 0 for the largest weight; ties in the order they were asked for, those
// of one TopTokens by ascending id.
struct Targets {
  std::vector<graph::LogitNode> nodes;  // by rank; the texts of tokens are left to the caller
  // What the row of a target must add up to, by rank: demeaned logits, inner products with
  // ln_final's output, pre-activations.
  std::vector<float> values;

  // Targets that are directions at ln_final's output: [n, d] float32, with their ranks ascending.
  at::Tensor directions;
  std::vector<int64_t> direction_ranks;
  // Targets that are features: indices into FeatureTable, with their ranks ascending.
  std::vector<int64_t> features;
  std::vector<int64_t> feature_ranks;

  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(nodes.size()); }
  // Entry i is the position of directions[i].
  [[nodiscard]] std::vector<int64_t> DirectionPositions() const;
};

// Makes the targets of `settings`; without any, the most probable tokens after the last position.
//   token_ids: [targets]: the vocabulary ids of each target's tokens, in its order. Positions lie
//   in the prompt (CheckTargets).
// INVALID_ARGUMENT, FEATURE_NOT_ACTIVE, for a feature that is not active where it is asked for.
absl::StatusOr<Targets> MakeTargets(const gemma3::Model& model, const FoldedModel& folded,
                                    const Trace& trace, const FeatureTable& features,
                                    const graph::GraphSettings& settings,
                                    const std::vector<std::vector<int64_t>>& token_ids);

// How many targets the settings can lead to at most.
int64_t MostTargets(const graph::GraphSettings& settings);

}  // namespace cajal::attribution
