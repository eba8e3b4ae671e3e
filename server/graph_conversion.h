// Graphs as messages: the resource, and its arrays cut into chunks. No gRPC; any thread.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "cajal/v1/graph.pb.h"
#include "model/graph/node.h"
#include "model/graph/pruning.h"
#include "server/request_conversion.h"
#include "server/stored_graph.h"

namespace cajal::server {

v1::NodeKind ToProto(graph::NodeKind kind);
v1::GraphScores ToProto(const graph::GraphScores& scores);
v1::Graph ToProto(const graph::GraphRecord& record);
// The same for lists: the prompt cut after 200 characters, 10 logits and 10 targets at most, so
// that a page of them is a small message.
v1::Graph ToListEntry(const graph::GraphRecord& record);

// The header and the chunks of one graph in one view, made one at a time, so that a large graph is
// never held as messages. One thread at a time.
//
//   ASSIGN_OR_RETURN(GraphMessages messages, GraphMessages::Make(graph, presentation));
//   messages.header();
//   v1::GraphChunk chunk;
//   while (messages.Next(&chunk)) …
class GraphMessages {
 public:
  // Prunes, unless the view is GRAPH_VIEW_NONE. Errors as of graph::PruneGraph.
  static absl::StatusOr<GraphMessages> Make(std::shared_ptr<const StoredGraph> graph,
                                            const GraphPresentation& presentation);

  const v1::GraphHeader& header() const { return header_; }
  // Which nodes and edges the view has; empty with GRAPH_VIEW_NONE.
  const graph::PruningResult& pruning() const { return pruning_; }
  // False when there is no further chunk. A chunk is smaller than 512 KiB.
  bool Next(v1::GraphChunk* chunk);

 private:
  GraphMessages() = default;
  bool NextTokens(v1::TokenChunk* chunk);
  bool NextNodes(v1::NodeChunk* chunk);
  bool NextEdges(v1::EdgeChunk* chunk);

  std::shared_ptr<const StoredGraph> graph_;
  graph::PruningResult pruning_;
  v1::GraphHeader header_;
  // Where the next chunk begins.
  int32_t position_ = 0;
  int32_t node_ = 0;
  int32_t edge_row_ = 0;
  int64_t edge_ = 0;
};

}  // namespace cajal::server
