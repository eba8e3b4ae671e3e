#include "server/graph_fold.h"

#include <algorithm>
#include <span>
#include <utility>

#include "model/base/status.h"
#include "model/graph/proposals.h"
#include "server/graph_annotations.h"

namespace cajal::server {
namespace {

constexpr int kMaxProposals = 2;
// Bounds of a chunk. With the largest varints an edge takes 23 bytes.
constexpr int kEdgesPerChunk = 16384;
constexpr size_t kSupernodeBytesPerChunk = 256 << 10;

}  // namespace

absl::StatusOr<FoldCall> FromProto(const v1::FoldGraphRequest& request) {
  FoldCall call{.supernodes = FromProto(request.supernodes()),
                .ignore_stored = request.ignore_stored(),
                .opened = {request.opened().begin(), request.opened().end()}};
  if (request.proposals_size() > kMaxProposals) {
    return InvalidField("proposals", "at most " + std::to_string(kMaxProposals) + ", not " +
                                         std::to_string(request.proposals_size()));
  }
  for (int i = 0; i < request.proposals_size(); ++i) {
    const v1::SupernodeProposal proposal = request.proposals(i);
    if (proposal != v1::SUPERNODE_PROPOSAL_IMAGE_POSITIONS &&
        proposal != v1::SUPERNODE_PROPOSAL_SIMILAR_EDGES) {
      return InvalidField(FieldItem("proposals", i),
                          "must be SUPERNODE_PROPOSAL_IMAGE_POSITIONS or "
                          "SUPERNODE_PROPOSAL_SIMILAR_EDGES");
    }
    call.proposals.push_back(proposal);
  }
  if (request.has_min_similarity()) call.min_similarity = request.min_similarity();
  if (!(call.min_similarity >= 0 && call.min_similarity <= 1)) {
    return InvalidField("min_similarity",
                        "must be in [0, 1], got " + std::to_string(call.min_similarity));
  }
  if (request.view() == v1::GRAPH_VIEW_NONE) {
    return InvalidField("view", "must be GRAPH_VIEW_PRUNED or GRAPH_VIEW_FULL");
  }
  ASSIGN_OR_RETURN(call.presentation, PresentationFromProto(request.view(), request.prune()));
  return call;
}

absl::StatusOr<FoldMessages> FoldMessages::Make(std::shared_ptr<const StoredGraph> graph,
                                                const std::vector<graph::Supernode>& stored,
                                                const FoldCall& call) {
  ASSIGN_OR_RETURN(GraphMessages messages, GraphMessages::Make(graph, call.presentation));
  FoldMessages fold(std::move(graph), std::move(messages));
  RETURN_IF_ERROR(fold.FindSupernodes(stored, call));
  ASSIGN_OR_RETURN(const std::vector<uint8_t> opened, fold.FlagsOf(call.opened));
  fold.folded_ = fold.FoldWith(opened);
  return fold;
}

absl::Status FoldMessages::FindSupernodes(const std::vector<graph::Supernode>& stored,
                                          const FoldCall& call) {
  supernodes_ = call.supernodes;
  if (!call.ignore_stored) supernodes_.insert(supernodes_.end(), stored.begin(), stored.end());
  n_given_ = supernodes_.size();
  ASSIGN_OR_RETURN(forest_, graph::ResolveSupernodes(graph_->graph, supernodes_));
  for (const v1::SupernodeProposal proposal : call.proposals) {
    RETURN_IF_ERROR(Propose(proposal, call.min_similarity));
  }
  return absl::OkStatus();
}

absl::Status FoldMessages::Propose(v1::SupernodeProposal proposal, double min_similarity) {
  std::vector<graph::Supernode> found;
  if (proposal == v1::SUPERNODE_PROPOSAL_IMAGE_POSITIONS) {
    const bool full = messages_.header().view() == v1::GRAPH_VIEW_FULL;
    const std::span<const uint8_t> kept(messages_.pruning().node_mask);
    found = graph::ProposeImagePositions(graph_->graph, forest_,
                                         full ? std::span<const uint8_t>() : kept);
  } else {
    ASSIGN_OR_RETURN(found,
                     graph::ProposeSimilar(graph_->graph, forest_, FoldWith({}), min_similarity));
  }
  supernodes_.insert(supernodes_.end(), found.begin(), found.end());
  ASSIGN_OR_RETURN(forest_, graph::ResolveSupernodes(graph_->graph, supernodes_));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint8_t>> FoldMessages::FlagsOf(
    const std::vector<std::string>& opened) const {
  std::vector<uint8_t> flags(supernodes_.size(), 0);
  for (size_t i = 0; i < opened.size(); ++i) {
    const int32_t supernode = forest_.Find(opened[i]);
    if (supernode < 0) {
      return InvalidField(FieldItem("opened", i), "there is no supernode '" + opened[i] + "'");
    }
    flags[supernode] = 1;
  }
  return flags;
}

graph::FoldedGraph FoldMessages::FoldWith(const std::vector<uint8_t>& opened) const {
  if (messages_.header().view() == v1::GRAPH_VIEW_FULL) {
    return graph::Fold(graph_->graph, forest_, opened, {}, {});
  }
  return graph::Fold(graph_->graph, forest_, opened, messages_.pruning().node_mask,
                     messages_.pruning().edge_mask);
}

bool FoldMessages::Next(v1::FoldGraphResponse* message) {
  message->Clear();
  if (!std::exchange(has_sent_header_, true)) {
    NextHeader(message->mutable_header());
    return true;
  }
  if (supernode_ < supernodes_.size()) {
    NextSupernodes(message->mutable_supernodes());
    return true;
  }
  if (!has_sent_nodes_) {
    v1::GraphChunk* chunk = message->mutable_chunk();
    if (messages_.Next(chunk) && !chunk->has_edges()) return true;
    has_sent_nodes_ = true;  // the edges before folding are not sent
  }
  if (edge_ == folded_.n_edges()) return false;
  NextEdges(message->mutable_edges());
  return true;
}

void FoldMessages::NextHeader(v1::FoldHeader* header) const {
  *header->mutable_header() = messages_.header();
  header->set_n_supernodes(static_cast<int32_t>(supernodes_.size()));
  header->set_n_folded_edges(folded_.n_edges());
}

void FoldMessages::NextSupernodes(v1::SupernodeChunk* chunk) {
  for (size_t bytes = 0; supernode_ < supernodes_.size() && bytes < kSupernodeBytesPerChunk;
       ++supernode_) {
    *chunk->add_supernodes() = SupernodeMessage(static_cast<int32_t>(supernode_));
    bytes += chunk->supernodes().rbegin()->ByteSizeLong();
  }
}

v1::FoldedSupernode FoldMessages::SupernodeMessage(int32_t index) const {
  const graph::SupernodeForest::Entry& entry = forest_.entries[index];
  v1::FoldedSupernode proto;
  *proto.mutable_supernode() = ToProto(supernodes_[index]);
  proto.set_parent(entry.parent);
  proto.set_proposed(static_cast<size_t>(index) >= n_given_);
  proto.mutable_node_indices()->Add(entry.nodes.begin(), entry.nodes.end());
  const auto inside =
      std::lower_bound(folded_.insides.begin(), folded_.insides.end(), index,
                       [](const auto& element, int32_t i) { return element.supernode < i; });
  if (inside == folded_.insides.end() || inside->supernode != index) return proto;
  proto.set_shown(true);
  proto.set_n_nodes(inside->n_nodes);
  proto.set_n_inner_edges(inside->n_edges);
  proto.set_inner_weight(inside->weight);
  proto.set_inner_magnitude(inside->magnitude);
  const graph::PruningResult& pruning = messages_.pruning();
  const bool full = messages_.header().view() == v1::GRAPH_VIEW_FULL;
  double influence = 0;
  for (const int32_t node : entry.nodes) {
    if (full || pruning.node_mask[node] != 0) influence += pruning.node_influence[node];
  }
  proto.set_influence(influence);
  return proto;
}

void FoldMessages::NextEdges(v1::FoldedEdgeChunk* chunk) {
  for (; edge_ < folded_.n_edges() && chunk->sources_size() < kEdgesPerChunk; ++edge_) {
    chunk->add_sources(folded_.sources[edge_]);
    chunk->add_targets(folded_.targets[edge_]);
    chunk->add_weights(folded_.weights[edge_]);
    chunk->add_magnitudes(folded_.magnitudes[edge_]);
    chunk->add_counts(folded_.counts[edge_]);
  }
}

}  // namespace cajal::server
