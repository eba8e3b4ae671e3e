// How much memory a graph will need beyond the model, before anything is computed.
#pragma once

#include <cstdint>

#include "model/checkpoint/config.h"
#include "model/graph/attribution_graph.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::attribution {

// What a forward pass holds at once inside its largest block, of the decoder or the tower; nothing
// recorded. n_images counts pictures and crops.
int64_t EstimateForwardBytes(const checkpoint::Gemma3Config& config, int64_t n_positions,
                             int64_t n_images);

// Trace, encoding, source vectors, the gradients of `n_sweeps` sweeps side by side, rows and edges.
// For TopK sets an upper bound. Others do not bound the number of active features: it is then taken
// as kAssumedActive per layer and position, at the low end of published sets, so that nothing is
// refused that might fit; Attribute checks the rows again when the features are known.
int64_t EstimateGraphBytes(const checkpoint::Gemma3Config& config,
                           const transcoder::TranscoderSetInfo& transcoders,
                           const graph::GraphSettings& settings, int64_t n_positions,
                           int64_t n_images, int64_t n_sweeps);

inline constexpr int64_t kAssumedActive = 16;
// Active features of one position in a layer of n_features: k of TopK sets, else kAssumedActive.
int64_t ActivePerPosition(const transcoder::TranscoderSetInfo& info, int64_t n_features);

}  // namespace cajal::attribution
