// A graph cut into compressed, checksummed blocks, as the store keeps it: written and read piece by
// piece, so that a graph of a gigabyte needs no second copy of itself on its way.
//
//   GraphBlocks blocks(graph, kMaxExactEdges);
//   for (int32_t i = 0; i < blocks.size(); ++i) Write(blocks.Encode(i));
//
//   GraphFromBlocks reader;
//   while (…) RETURN_IF_ERROR(reader.Add(block));
//   ASSIGN_OR_RETURN(AttributionGraph same, std::move(reader).Finish());
//
// The first block is everything but the edges' columns and weights (graph_file.h); the others are
// stretches of rows (edge_coding.h) of about a million edges, those of the logits apart.
//
// A graph of at most `max_exact_edges` edges reads back to the bit. Of a larger one the weights
// into features are rounded to bfloat16, which is off by 0.4 % of a weight at most, and takes 2
// bytes an edge instead of 3.4; the logits' rows stay exact.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/edge_coding.h"

namespace cajal::graph {

// 57 MB on disk.
inline constexpr int64_t kMaxExactEdges = 1 << 24;

// Rounds the weights that a store would round, so that the graph is what reading it back will give.
void RoundAsStored(AttributionGraph* graph, int64_t max_exact_edges = kMaxExactEdges);

struct GraphBlock {
  std::string frame;          // compressed
  int64_t content_bytes = 0;  // before
};

// Any thread may encode any block.
class GraphBlocks {
 public:
  // `graph` passes CheckGraph and outlives this.
  GraphBlocks(const AttributionGraph& graph, int64_t max_exact_edges);

  [[nodiscard]] int32_t size() const { return 1 + static_cast<int32_t>(edge_blocks_.size()); }
  [[nodiscard]] GraphBlock Encode(int32_t i) const;

 private:
  struct EdgeBlock {
    RowRange rows;
    WeightCoding coding;
  };
  void Append(RowRange rows, WeightCoding coding);

  const AttributionGraph& graph_;
  std::vector<EdgeBlock> edge_blocks_;
};

// Takes the blocks in order. Errors are DATA_LOSS, after which the object is of no use; they do not
// say which graph it was.
class GraphFromBlocks {
 public:
  absl::Status Add(const GraphBlock& block);
  // DATA_LOSS when blocks are missing, or what they give fails CheckGraph.
  absl::StatusOr<AttributionGraph> Finish() &&;

 private:
  AttributionGraph graph_;
  bool has_nodes_ = false;
  int32_t next_row_ = 0;
};

}  // namespace cajal::graph
