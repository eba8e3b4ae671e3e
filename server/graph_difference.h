// CompareGraphs without gRPC: from the request and two graphs to the messages of the answer.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "cajal/v1/graph_service.pb.h"
#include "model/graph/graph_comparison.h"
#include "model/graph/pruning.h"
#include "server/stored_graph.h"

namespace cajal::server {

// A checked request, without the names.
struct CompareCall {
  double tolerance = 0.01;
  graph::PruningOptions prune;
  bool prunes_imported = false;  // as GraphPresentation's
};
// INVALID_ARGUMENT names the field.
absl::StatusOr<CompareCall> FromProto(const v1::CompareGraphsRequest& request);

// The answer's messages, made one at a time. One thread at a time.
class CompareMessages {
 public:
  // Prunes both, compares. Errors as of graph::PruneGraph and CompareGraphs.
  static absl::StatusOr<CompareMessages> Make(std::shared_ptr<const StoredGraph> base,
                                              std::shared_ptr<const StoredGraph> other,
                                              const CompareCall& call);

  // False when there is no further message.
  bool Next(v1::CompareGraphsResponse* message);

 private:
  CompareMessages() = default;
  void NextHeader(v1::CompareHeader* header) const;
  void NextNodes(v1::ComparedNodeChunk* chunk);
  void NextEdges(v1::ComparedEdgeChunk* chunk);

  std::shared_ptr<const StoredGraph> base_;
  std::shared_ptr<const StoredGraph> other_;
  graph::PruningResult base_pruning_;
  graph::PruningResult other_pruning_;
  graph::GraphComparison comparison_;
  // Where the next message begins.
  bool has_sent_header_ = false;
  size_t node_ = 0;
  size_t edge_ = 0;
};

}  // namespace cajal::server
