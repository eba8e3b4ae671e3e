#include "server/graph_conversion.h"

#include <google/protobuf/util/time_util.h>

#include "model/graph/node.h"
#include "server/job_conversion.h"
#include "server/prompt_conversion.h"
#include "server/target_conversion.h"

namespace cajal::server {
namespace {

// Bounds of a chunk. With the largest varints a node takes 55 bytes and an edge 15, so all stay
// below 512 KiB.
constexpr size_t kTokenBytesPerChunk = 256 << 10;
constexpr int kNodesPerChunk = 8192;
constexpr int kEdgesPerChunk = 32768;
constexpr size_t kListedPromptCharacters = 200;
constexpr int kListedLogits = 10;
constexpr int kListedTargets = 10;

std::string FirstCharacters(const std::string& text, size_t characters) {
  size_t end = 0;
  while (end < text.size() && characters > 0) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    --characters;
  }
  return text.substr(0, end);
}

template <typename Message>
void KeepFirst(int n, google::protobuf::RepeatedPtrField<Message>* messages) {
  if (messages->size() > n) messages->DeleteSubrange(n, messages->size() - n);
}

float ActivationOf(const graph::AttributionGraph& graph, int32_t node) {
  if (node < graph.n_selected()) {
    return graph.active_features[graph.selected_features[node]].activation;
  }
  if (node >= graph.first_logit()) return graph.logits[node - graph.first_logit()].probability;
  return 0;
}

void SetSettings(const graph::GraphSettings& settings, v1::Graph* proto) {
  v1::GraphSettings* wire = proto->mutable_settings();
  wire->set_max_n_logits(settings.max_n_logits);
  wire->set_desired_logit_prob(settings.desired_logit_prob);
  wire->set_max_feature_nodes(settings.max_feature_nodes);
  wire->set_batch_size(settings.batch_size);
  wire->set_update_interval(settings.update_interval);
  wire->set_rank_once(settings.rank_once);
  wire->set_zero_positions(settings.zero_positions);
  for (const graph::Target& target : settings.targets) *proto->add_targets() = ToProto(target);
}

}  // namespace

v1::NodeKind ToProto(graph::NodeKind kind) {
  switch (kind) {
    case graph::NodeKind::kFeature:
      return v1::NODE_KIND_FEATURE;
    case graph::NodeKind::kError:
      return v1::NODE_KIND_ERROR;
    case graph::NodeKind::kToken:
      return v1::NODE_KIND_TOKEN;
    case graph::NodeKind::kLogit:
      return v1::NODE_KIND_LOGIT;
  }
  return v1::NODE_KIND_UNSPECIFIED;
}

v1::GraphScores ToProto(const graph::GraphScores& scores) {
  v1::GraphScores proto;
  proto.set_replacement_score(scores.replacement);
  proto.set_completeness_score(scores.completeness);
  return proto;
}

v1::Graph ToProto(const graph::GraphRecord& record) {
  const graph::GraphSummary& summary = record.summary;
  v1::Graph proto;
  proto.set_name(record.name());
  *proto.mutable_create_time() =
      google::protobuf::util::TimeUtil::MillisecondsToTimestamp(record.create_time_unix_ms);
  proto.set_request_id(record.origin.request_id);
  proto.set_model_name(ToValidUtf8(summary.model_name));
  proto.set_transcoder_name(ToValidUtf8(summary.transcoder_name));
  proto.set_prompt(ToValidUtf8(summary.prompt));
  proto.set_n_positions(summary.n_positions);
  proto.set_n_layers(summary.n_layers);
  SetSettings(summary.settings, &proto);
  for (const graph::LogitNode& logit : summary.logits) {
    v1::LogitNode* wire = proto.add_logits();
    wire->set_token_id(logit.token_id);
    wire->set_token(ToValidUtf8(logit.token));
    wire->set_probability(logit.probability);
    wire->set_position(logit.PositionIn(summary.n_positions));
    wire->set_weight(logit.weight());
  }
  proto.set_n_active_features(summary.n_active_features);
  proto.set_n_selected_features(summary.n_selected_features);
  proto.set_n_nodes(summary.n_nodes);
  proto.set_n_edges(summary.n_edges);
  *proto.mutable_scores() = ToProto(summary.scores);
  proto.mutable_additivity()->set_max_relative_error(summary.additivity.max_relative_error);
  proto.mutable_additivity()->set_worst_row(summary.additivity.worst_row);
  *proto.mutable_phases() = ToProto(summary.cost.phases);
  proto.set_seconds(summary.cost.seconds);
  proto.set_size_bytes(record.size_bytes);
  proto.set_is_imported(summary.is_imported);
  proto.set_owner(record.origin.owner);
  *proto.mutable_update_time() =
      google::protobuf::util::TimeUtil::MillisecondsToTimestamp(record.update_time_unix_ms);
  proto.set_damage(ToValidUtf8(record.damage));
  return proto;
}

v1::Graph ToListEntry(const graph::GraphRecord& record) {
  v1::Graph proto = ToProto(record);
  proto.set_prompt(FirstCharacters(proto.prompt(), kListedPromptCharacters));
  KeepFirst(kListedLogits, proto.mutable_logits());
  KeepFirst(kListedTargets, proto.mutable_targets());
  return proto;
}

absl::StatusOr<GraphMessages> GraphMessages::Make(std::shared_ptr<const StoredGraph> graph,
                                                  const GraphPresentation& presentation) {
  GraphMessages messages;
  messages.graph_ = std::move(graph);
  const graph::AttributionGraph& plain = messages.graph_->graph;
  v1::GraphHeader& header = messages.header_;
  *header.mutable_graph() = ToProto(messages.graph_->record);
  header.set_view(presentation.view);
  *header.mutable_prune() = ToProto(presentation.prune, plain);
  if (presentation.view == v1::GRAPH_VIEW_NONE) return messages;

  ASSIGN_OR_RETURN(messages.pruning_,
                   PruneOrKeepImported(plain, presentation.prune, presentation.prunes_imported));
  *header.mutable_prune() = ToProto(messages.pruning_.options, plain);
  header.set_n_kept_nodes(messages.pruning_.n_kept_nodes);
  header.set_n_kept_edges(messages.pruning_.n_kept_edges);
  *header.mutable_kept_scores() = ToProto(graph::KeptScores(plain, messages.pruning_));
  const bool full = presentation.view == v1::GRAPH_VIEW_FULL;
  header.set_n_nodes(full ? plain.n_nodes() : messages.pruning_.n_kept_nodes);
  header.set_n_edges(full ? plain.edges.n_edges() : messages.pruning_.n_kept_edges);
  return messages;
}

bool GraphMessages::Next(v1::GraphChunk* chunk) {
  chunk->Clear();
  if (header_.view() == v1::GRAPH_VIEW_NONE) return false;
  return NextTokens(chunk->mutable_tokens()) || NextNodes(chunk->mutable_nodes()) ||
         NextEdges(chunk->mutable_edges());
}

bool GraphMessages::NextTokens(v1::TokenChunk* chunk) {
  const graph::AttributionGraph& graph = graph_->graph;
  if (position_ == graph.n_positions()) return false;
  if (position_ == 0) {
    for (const auto& run : graph.image_runs) {
      v1::ImageSpan* span = chunk->add_image_spans();
      span->set_image(run.image);
      span->set_crop(run.crop);
      span->set_begin(run.begin);
      span->set_end(run.end);
    }
  }
  for (size_t bytes = 0; position_ < graph.n_positions() && bytes < kTokenBytesPerChunk;
       ++position_) {
    const std::string text = ToValidUtf8(graph.token_texts[position_]);
    chunk->add_token_ids(graph.input_tokens[position_]);
    chunk->add_token_texts(text);
    bytes += text.size() + 16;
  }
  return true;
}

bool GraphMessages::NextNodes(v1::NodeChunk* chunk) {
  const graph::AttributionGraph& graph = graph_->graph;
  const bool full = header_.view() == v1::GRAPH_VIEW_FULL;
  for (; node_ < graph.n_nodes() && chunk->node_indices_size() < kNodesPerChunk; ++node_) {
    const bool kept = pruning_.node_mask[node_] != 0;
    if (!full && !kept) continue;
    const graph::NodeAddress address = graph::AddressOf(graph, node_);
    chunk->add_node_indices(node_);
    chunk->add_kinds(ToProto(address.kind));
    chunk->add_layers(address.layer);
    chunk->add_positions(address.position);
    chunk->add_indices(static_cast<int32_t>(address.index));
    chunk->add_activations(ActivationOf(graph, node_));
    chunk->add_influences(pruning_.node_influence[node_]);
    chunk->add_biases(graph.bias[node_]);
    chunk->add_pre_activations(graph.pre_activations[node_]);
    if (full) chunk->add_kept(kept);
  }
  return chunk->node_indices_size() > 0;
}

bool GraphMessages::NextEdges(v1::EdgeChunk* chunk) {
  const graph::EdgeMatrix& edges = graph_->graph.edges;
  const bool full = header_.view() == v1::GRAPH_VIEW_FULL;
  for (; edge_ < edges.n_edges() && chunk->sources_size() < kEdgesPerChunk; ++edge_) {
    while (edges.row_begin[edge_row_ + 1] <= edge_) ++edge_row_;
    const bool kept = pruning_.edge_mask[edge_] != 0;
    if (!full && !kept) continue;
    chunk->add_sources(edges.columns[edge_]);
    chunk->add_targets(edge_row_);
    chunk->add_weights(edges.weights[edge_]);
    if (full) chunk->add_kept(kept);
  }
  return chunk->sources_size() > 0;
}

}  // namespace cajal::server
