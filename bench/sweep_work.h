// How much arithmetic the rows of a graph need, for judging the time that they took.
#pragma once

#include "model/checkpoint/config.h"
#include "model/gemma3/attention_layout.h"
#include "model/graph/attribution_graph.h"

namespace cajal::bench {

// Floating-point operations of the adjoint sweep of all rows, each confined to its own causal cone:
// from a target down, the inner products with all sources and the three maps of attention (output
// projection, pattern, value projection) at every position that the row has reached. A multiply-add
// is two operations. What a batch does beyond that, because its rows' cones differ, is not counted.
double SweepOperations(const checkpoint::TextConfig& config, const gemma3::AttentionLayout& layout,
                       const graph::AttributionGraph& graph);

}  // namespace cajal::bench
