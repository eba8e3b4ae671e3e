// A graph that circuit-tracer has pruned, from the file that bench/peer_prune.py saves: the same
// matrix for both programs, and which nodes the other one keeps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::bench {

struct PeerMatrix {
  // 20 layers x 24 positions and 10 logits, as the script makes them. The file does not say where
  // features are; each gets the lowest layer that its edges permit, which pruning does not look at.
  graph::AttributionGraph graph;
  std::vector<uint8_t> node_mask;  // [n_nodes], 1 = kept at 0.8 and 0.98
};

absl::StatusOr<PeerMatrix> ReadPeerMatrix(const std::string& path);

}  // namespace cajal::bench
