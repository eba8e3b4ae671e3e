// FoldGraph without gRPC: from the request and a graph to the messages of the answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cajal/v1/graph_service.pb.h"
#include "model/graph/fold.h"
#include "model/graph/supernodes.h"
#include "server/graph_conversion.h"
#include "server/request_conversion.h"
#include "server/stored_graph.h"

namespace cajal::server {

// A checked request. `supernodes` may be followed by others; opened names are checked later.
struct FoldCall {
  std::vector<graph::Supernode> supernodes;
  bool ignore_stored = false;
  std::vector<v1::SupernodeProposal> proposals;
  double min_similarity = 0.8;
  std::vector<std::string> opened;
  GraphPresentation presentation;
};
// What can be said without the graph. INVALID_ARGUMENT names the field.
absl::StatusOr<FoldCall> FromProto(const v1::FoldGraphRequest& request);

// The answer's messages, made one at a time. One thread at a time.
class FoldMessages {
 public:
  // Prunes, proposes, folds. `stored` are the supernodes kept with the graph. Errors as of
  // graph::PruneGraph, ResolveSupernodes and ProposeSimilar; InvalidField("opened[2]") for a name
  // that no supernode has.
  static absl::StatusOr<FoldMessages> Make(std::shared_ptr<const StoredGraph> graph,
                                           const std::vector<graph::Supernode>& stored,
                                           const FoldCall& call);

  // False when there is no further message.
  bool Next(v1::FoldGraphResponse* message);

 private:
  FoldMessages(std::shared_ptr<const StoredGraph> graph, GraphMessages messages)
      : graph_(std::move(graph)), messages_(std::move(messages)) {}

  absl::Status FindSupernodes(const std::vector<graph::Supernode>& stored, const FoldCall& call);
  absl::Status Propose(v1::SupernodeProposal proposal, double min_similarity);
  absl::StatusOr<std::vector<uint8_t>> FlagsOf(const std::vector<std::string>& opened) const;
  [[nodiscard]] graph::FoldedGraph FoldWith(const std::vector<uint8_t>& opened) const;
  void NextHeader(v1::FoldHeader* header) const;
  void NextSupernodes(v1::SupernodeChunk* chunk);
  [[nodiscard]] v1::FoldedSupernode SupernodeMessage(int32_t index) const;
  void NextEdges(v1::FoldedEdgeChunk* chunk);

  std::shared_ptr<const StoredGraph> graph_;
  GraphMessages messages_;  // tokens and nodes
  std::vector<graph::Supernode> supernodes_;
  size_t n_given_ = 0;  // of them not proposed
  graph::SupernodeForest forest_;
  graph::FoldedGraph folded_;
  // Where the next message begins.
  bool has_sent_header_ = false;
  bool has_sent_nodes_ = false;
  size_t supernode_ = 0;
  int64_t edge_ = 0;
};

}  // namespace cajal::server
