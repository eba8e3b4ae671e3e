// Which positions of two prompts correspond.
//
// The prompts are taken as sequences of text tokens and pictures; a picture (one crop of it) is one
// piece, whatever it shows, and is the same as any other of as many tokens.
//   1. The longest common subsequence of pieces corresponds, equal beginnings and ends first.
//   2. What lies between two of its pieces corresponds one to one if both prompts have as many
//      pieces there, text against text and pictures against pictures of as many tokens: "Mars" in
//      one prompt stands where "Earth" stands in the other.
//   3. The last positions correspond if neither has a partner by then: that is where answers begin.
// Tokens of pictures correspond by their place in the picture.
//
// Of stretches that differ by more than 16 million pairs of pieces only the ends are compared.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "model/graph/attribution_graph.h"

namespace cajal::graph {

struct PositionAlignment {
  std::vector<int32_t> other_of;  // [base.n_positions()]: -1 = none. Ascending where set.
  std::vector<int32_t> base_of;   // [other.n_positions()]: the inverse
};

PositionAlignment AlignPositions(const AttributionGraph& base, const AttributionGraph& other);

}  // namespace cajal::graph
