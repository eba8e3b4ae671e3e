#include "server/graph_difference.h"

#include <algorithm>
#include <string>
#include <utility>

#include "model/base/status.h"
#include "model/graph/node.h"
#include "server/graph_conversion.h"
#include "server/prompt_conversion.h"
#include "server/prune_conversion.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

// Bounds of a chunk. With the largest varints a node takes 58 bytes and its token, and an edge 21.
constexpr size_t kNodeBytesPerChunk = 384 << 10;
constexpr size_t kBytesPerNode = 60;
constexpr int kEdgesPerChunk = 20000;

v1::Change ToProto(graph::Change change) {
  switch (change) {
    case graph::Change::kSame:
      return v1::CHANGE_SAME;
    case graph::Change::kChanged:
      return v1::CHANGE_CHANGED;
    case graph::Change::kGained:
      return v1::CHANGE_GAINED;
    case graph::Change::kLost:
      return v1::CHANGE_LOST;
  }
  return v1::CHANGE_UNSPECIFIED;
}

float ActivationOf(const graph::AttributionGraph& graph, int32_t node) {
  if (node < graph.n_selected()) {
    return graph.active_features[graph.selected_features[node]].activation;
  }
  if (node >= graph.first_logit()) return graph.logits[node - graph.first_logit()].probability;
  return 0;
}

std::string TokenOf(const graph::AttributionGraph& graph, int32_t node, int32_t position) {
  if (node >= graph.first_logit()) {
    return ToValidUtf8(graph.logits[node - graph.first_logit()].token);
  }
  return ToValidUtf8(graph.token_texts[position]);
}

// What a node is in one of the graphs; with a node of -1, as if there were nothing.
struct NodeFacts {
  int32_t position = -1;
  float activation = 0;
  float influence = 0;
};

NodeFacts FactsOf(const graph::AttributionGraph& graph, const graph::PruningResult& pruning,
                  int32_t node) {
  if (node < 0) return {};
  return {graph::AddressOf(graph, node).position, ActivationOf(graph, node),
          pruning.node_influence[node]};
}

void SetAlignment(const graph::AttributionGraph& base, const graph::AttributionGraph& other,
                  const std::vector<int32_t>& other_of, v1::CompareHeader* header) {
  v1::AlignedRun* run = nullptr;
  for (int32_t position = 0; position < base.n_positions(); ++position) {
    const int32_t partner = other_of[position];
    if (partner < 0) {
      run = nullptr;
      continue;
    }
    const bool same = base.input_tokens[position] == other.input_tokens[partner];
    if (run == nullptr || run->other_begin() + run->length() != partner ||
        run->same_tokens() != same) {
      run = header->add_alignment();
      run->set_base_begin(position);
      run->set_other_begin(partner);
      run->set_same_tokens(same);
    }
    run->set_length(run->length() + 1);
  }
}

}  // namespace

absl::StatusOr<CompareCall> FromProto(const v1::CompareGraphsRequest& request) {
  CompareCall call;
  if (request.has_tolerance()) call.tolerance = request.tolerance();
  if (!(call.tolerance >= 0 && call.tolerance <= 1)) {
    return InvalidField("tolerance", "must be in [0, 1], got " + std::to_string(call.tolerance));
  }
  ASSIGN_OR_RETURN(call.prune, FromProto(request.prune()));
  call.prunes_imported = AsksForPruning(request.prune());
  return call;
}

absl::StatusOr<CompareMessages> CompareMessages::Make(std::shared_ptr<const StoredGraph> base,
                                                      std::shared_ptr<const StoredGraph> other,
                                                      const CompareCall& call) {
  CompareMessages messages;
  messages.base_ = std::move(base);
  messages.other_ = std::move(other);
  ASSIGN_OR_RETURN(messages.base_pruning_,
                   PruneOrKeepImported(messages.base_->graph, call.prune, call.prunes_imported));
  ASSIGN_OR_RETURN(messages.other_pruning_,
                   PruneOrKeepImported(messages.other_->graph, call.prune, call.prunes_imported));
  ASSIGN_OR_RETURN(messages.comparison_,
                   graph::CompareGraphs({&messages.base_->graph, messages.base_pruning_.node_mask,
                                         messages.base_pruning_.edge_mask},
                                        {&messages.other_->graph, messages.other_pruning_.node_mask,
                                         messages.other_pruning_.edge_mask},
                                        call.tolerance));
  return messages;
}

bool CompareMessages::Next(v1::CompareGraphsResponse* message) {
  message->Clear();
  if (!std::exchange(has_sent_header_, true)) {
    NextHeader(message->mutable_header());
    return true;
  }
  if (node_ < comparison_.nodes.size()) {
    NextNodes(message->mutable_nodes());
    return true;
  }
  if (edge_ == comparison_.edges.size()) return false;
  NextEdges(message->mutable_edges());
  return true;
}

void CompareMessages::NextHeader(v1::CompareHeader* header) const {
  *header->mutable_base() = ToProto(base_->record);
  *header->mutable_other() = ToProto(other_->record);
  *header->mutable_prune() = ToProto(base_pruning_.options, base_->graph);
  header->set_same_transcoders(base_->graph.transcoder_name == other_->graph.transcoder_name);
  SetAlignment(base_->graph, other_->graph, comparison_.alignment.other_of, header);
  header->set_n_nodes(static_cast<int32_t>(comparison_.nodes.size()));
  header->set_n_edges(static_cast<int64_t>(comparison_.edges.size()));
}

void CompareMessages::NextNodes(v1::ComparedNodeChunk* chunk) {
  for (size_t bytes = 0; node_ < comparison_.nodes.size() && bytes < kNodeBytesPerChunk; ++node_) {
    const graph::ComparedNode& node = comparison_.nodes[node_];
    const bool in_base = node.base >= 0;
    const graph::AttributionGraph& graph = in_base ? base_->graph : other_->graph;
    const int32_t index = in_base ? node.base : node.other;
    const graph::NodeAddress address = graph::AddressOf(graph, index);
    const NodeFacts base = FactsOf(base_->graph, base_pruning_, node.base);
    const NodeFacts other = FactsOf(other_->graph, other_pruning_, node.other);
    chunk->add_changes(ToProto(node.change));
    chunk->add_base_indices(node.base);
    chunk->add_other_indices(node.other);
    chunk->add_kinds(ToProto(address.kind));
    chunk->add_layers(address.layer);
    chunk->add_base_positions(base.position);
    chunk->add_other_positions(other.position);
    chunk->add_indices(static_cast<int32_t>(address.index));
    chunk->add_base_activations(base.activation);
    chunk->add_other_activations(other.activation);
    chunk->add_base_influences(base.influence);
    chunk->add_other_influences(other.influence);
    chunk->add_tokens(TokenOf(graph, index, address.position));
    bytes += kBytesPerNode + chunk->tokens().rbegin()->size();
  }
}

void CompareMessages::NextEdges(v1::ComparedEdgeChunk* chunk) {
  for (; edge_ < comparison_.edges.size() && chunk->sources_size() < kEdgesPerChunk; ++edge_) {
    const graph::ComparedEdge& edge = comparison_.edges[edge_];
    chunk->add_changes(ToProto(edge.change));
    chunk->add_sources(edge.source);
    chunk->add_targets(edge.target);
    chunk->add_base_weights(edge.base_weight);
    chunk->add_other_weights(edge.other_weight);
  }
}

}  // namespace cajal::server
