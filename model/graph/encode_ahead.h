// Encodes a graph's blocks on other threads while the caller writes those before.
//
//   EncodeAhead blocks(GraphBlocks(graph, kMaxExactEdges));
//   while (std::optional<GraphBlock> block = blocks.Next()) Write(*block);
//
// Holds two blocks at most, whatever the graph's size. Used by one thread; may be destroyed at any
// time.
#pragma once

#include <deque>
#include <future>
#include <optional>

#include "model/graph/graph_blocks.h"

namespace cajal::graph {

class EncodeAhead {
 public:
  // The graph of `blocks` outlives this.
  explicit EncodeAhead(GraphBlocks blocks);

  // Nothing after the last block.
  std::optional<GraphBlock> Next();

 private:
  void Start();

  const GraphBlocks blocks_;
  int32_t next_ = 0;  // to be started
  // Last, so that it is waited for before the blocks are gone.
  std::deque<std::future<GraphBlock>> started_;
};

}  // namespace cajal::graph
