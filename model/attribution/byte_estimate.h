// How much memory a graph will need beyond the model, before anything is computed.
#pragma once

#include <cstdint>

#include "model/checkpoint/config.h"
#include "model/graph/attribution_graph.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::attribution {

// Bytes of one forward pass over T positions with everything that a trace records.
int64_t EstimateTraceBytes(const checkpoint::TextConfig& config, int64_t n_positions);

// Trace, encoding, source vectors and rows. For TopK sets an upper bound; others do not bound the number
// of active features, so it is taken as kAssumedActive per layer and position. Attribute checks the rows
// again when the features are known.
int64_t EstimateGraphBytes(const checkpoint::TextConfig& config,
                           const transcoder::TranscoderSetInfo& transcoders,
                           const graph::GraphSettings& settings, int64_t n_positions);

// What Gemma Scope's densest published sets reach on average.
inline constexpr int64_t kAssumedActive = 160;

}  // namespace cajal::attribution
