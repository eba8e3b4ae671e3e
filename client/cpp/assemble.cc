#include "client/cpp/assemble.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

// Appends a stretch of an array of `size` values.
template <typename Stretch, typename T>
absl::Status Append(const Stretch& stretch, int64_t size, std::vector<T>* values) {
  if (stretch.offset() != std::ssize(*values) ||
      stretch.values_size() > size - std::ssize(*values)) {
    return BrokenAnswer(absl::StrCat("of ", size, " sums ", values->size(), " have come, then ",
                                     stretch.values_size(), " come for offset ", stretch.offset()));
  }
  values->insert(values->end(), stretch.values().begin(), stretch.values().end());
  return absl::OkStatus();
}

absl::Status Misplaced(const char* what, bool has_header) {
  return BrokenAnswer(has_header ? absl::StrCat("a second ", what)
                                 : absl::StrCat("a ", what, " before the header"));
}

}  // namespace

absl::Status ForwardAssembler::Add(const v1::ForwardHeader& header) {
  if (has_header_) return Misplaced("header", has_header_);
  has_header_ = true;
  result_ = FromProto(header);
  return tensors_.Announce(header.tensors());
}

absl::Status ForwardAssembler::Add(const v1::TensorChunk& chunk) {
  if (!has_header_) return Misplaced("tensor chunk", has_header_);
  return tensors_.Add(chunk);
}

absl::StatusOr<ForwardResult> ForwardAssembler::Finish() {
  if (!has_header_) return BrokenAnswer("it ended before the header");
  absl::StatusOr<std::vector<Tensor>> tensors = tensors_.Finish();
  if (!tensors.ok()) return tensors.status();
  result_.tensors = *std::move(tensors);
  return std::move(result_);
}

absl::Status GraphAssembler::Add(const v1::GraphHeader& header) {
  if (has_header_) return Misplaced("header", has_header_);
  has_header_ = true;
  graph_ = FromProto(header);
  n_nodes_ = header.n_nodes();
  n_edges_ = header.n_edges();
  return absl::OkStatus();
}

absl::Status GraphAssembler::Add(const v1::GraphChunk& chunk) {
  if (!has_header_) return Misplaced("graph chunk", has_header_);
  switch (chunk.chunk_case()) {
    case v1::GraphChunk::kTokens:
      return AddTokens(chunk.tokens());
    case v1::GraphChunk::kNodes:
      return AddNodes(chunk.nodes());
    case v1::GraphChunk::kEdges:
      return AddEdges(chunk.edges());
    case v1::GraphChunk::CHUNK_NOT_SET:
      return absl::OkStatus();  // a kind of chunk that is newer than this client
  }
  return absl::OkStatus();
}

absl::Status GraphAssembler::AddTokens(const v1::TokenChunk& chunk) {
  if (chunk.token_ids_size() != chunk.token_texts_size()) {
    return BrokenAnswer("tokens: ids and texts differ in number");
  }
  graph_.token_ids.insert(graph_.token_ids.end(), chunk.token_ids().begin(),
                          chunk.token_ids().end());
  graph_.token_texts.insert(graph_.token_texts.end(), chunk.token_texts().begin(),
                            chunk.token_texts().end());
  for (const v1::ImageSpan& span : chunk.image_spans()) {
    graph_.image_spans.push_back(FromProto(span));
  }
  return absl::OkStatus();
}

absl::Status GraphAssembler::AddNodes(const v1::NodeChunk& chunk) {
  const int n = chunk.node_indices_size();
  const bool has_kept = graph_.view == GraphView::kFull;
  if (chunk.kinds_size() != n || chunk.layers_size() != n || chunk.positions_size() != n ||
      chunk.indices_size() != n || chunk.activations_size() != n || chunk.influences_size() != n ||
      chunk.biases_size() != n || chunk.pre_activations_size() != n ||
      chunk.kept_size() != (has_kept ? n : 0)) {
    return BrokenAnswer("nodes: the arrays differ in length");
  }
  for (int i = 0; i < n; ++i) {
    const absl::StatusOr<NodeKind> kind = KindFromProto(chunk.kinds(i));
    if (!kind.ok()) return kind.status();
    graph_.nodes.push_back({.node_index = chunk.node_indices(i),
                            .kind = *kind,
                            .layer = chunk.layers(i),
                            .position = chunk.positions(i),
                            .index = chunk.indices(i),
                            .activation = chunk.activations(i),
                            .influence = chunk.influences(i),
                            .bias = chunk.biases(i),
                            .pre_activation = chunk.pre_activations(i),
                            .kept = has_kept ? chunk.kept(i) : true});
  }
  return absl::OkStatus();
}

absl::Status GraphAssembler::AddEdges(const v1::EdgeChunk& chunk) {
  const int n = chunk.sources_size();
  if (chunk.targets_size() != n || chunk.weights_size() != n ||
      chunk.kept_size() != (graph_.view == GraphView::kFull ? n : 0)) {
    return BrokenAnswer("edges: the arrays differ in length");
  }
  EdgeList& edges = graph_.edges;
  edges.sources.insert(edges.sources.end(), chunk.sources().begin(), chunk.sources().end());
  edges.targets.insert(edges.targets.end(), chunk.targets().begin(), chunk.targets().end());
  edges.weights.insert(edges.weights.end(), chunk.weights().begin(), chunk.weights().end());
  edges.kept.insert(edges.kept.end(), chunk.kept().begin(), chunk.kept().end());
  return absl::OkStatus();
}

absl::StatusOr<Graph> GraphAssembler::Finish() {
  if (!has_header_) return BrokenAnswer("it ended before the header");
  const auto n_nodes = static_cast<int64_t>(graph_.nodes.size());
  if (n_nodes != n_nodes_ || graph_.edges.size() != n_edges_) {
    return BrokenAnswer(absl::StrCat("the graph ended after ", n_nodes, " of ", n_nodes_,
                                     " nodes and ", graph_.edges.size(), " of ", n_edges_,
                                     " edges"));
  }
  if (graph_.view != GraphView::kNone &&
      static_cast<int32_t>(graph_.token_ids.size()) != graph_.info.n_positions) {
    return BrokenAnswer(absl::StrCat("the graph ended after ", graph_.token_ids.size(), " of ",
                                     graph_.info.n_positions, " tokens"));
  }
  return std::move(graph_);
}

absl::Status FoldAssembler::Add(const v1::FoldGraphResponse& piece) {
  if (piece.has_header()) {
    has_header_ = true;
    n_supernodes_ = piece.header().n_supernodes();
    n_edges_ = piece.header().n_folded_edges();
    v1::GraphHeader header = piece.header().header();
    header.set_n_edges(0);  // those before folding are not sent
    return graph_.Add(header);
  }
  if (!has_header_) return Misplaced("piece of a folded graph", has_header_);
  if (piece.has_chunk()) return graph_.Add(piece.chunk());
  if (piece.has_edges()) return AddEdges(piece.edges());
  for (const v1::FoldedSupernode& supernode : piece.supernodes().supernodes()) {
    folded_.supernodes.push_back(FromProto(supernode));
  }
  return absl::OkStatus();
}

absl::Status FoldAssembler::AddEdges(const v1::FoldedEdgeChunk& chunk) {
  const int n = chunk.sources_size();
  if (chunk.targets_size() != n || chunk.weights_size() != n || chunk.magnitudes_size() != n ||
      chunk.counts_size() != n) {
    return BrokenAnswer("folded edges: the arrays differ in length");
  }
  FoldedEdgeList& edges = folded_.edges;
  edges.sources.insert(edges.sources.end(), chunk.sources().begin(), chunk.sources().end());
  edges.targets.insert(edges.targets.end(), chunk.targets().begin(), chunk.targets().end());
  edges.weights.insert(edges.weights.end(), chunk.weights().begin(), chunk.weights().end());
  edges.magnitudes.insert(edges.magnitudes.end(), chunk.magnitudes().begin(),
                          chunk.magnitudes().end());
  edges.counts.insert(edges.counts.end(), chunk.counts().begin(), chunk.counts().end());
  return absl::OkStatus();
}

absl::StatusOr<FoldedGraph> FoldAssembler::Finish() {
  absl::StatusOr<Graph> graph = graph_.Finish();
  if (!graph.ok()) return graph.status();
  if (std::ssize(folded_.supernodes) != n_supernodes_ || folded_.edges.size() != n_edges_) {
    return BrokenAnswer(absl::StrCat("the folded graph ended after ", folded_.supernodes.size(),
                                     " of ", n_supernodes_, " supernodes and ",
                                     folded_.edges.size(), " of ", n_edges_, " edges"));
  }
  folded_.graph = *std::move(graph);
  return std::move(folded_);
}

absl::Status ComparisonAssembler::Add(const v1::CompareGraphsResponse& piece) {
  if (piece.has_header()) return AddHeader(piece.header());
  if (!has_header_) return Misplaced("piece of a comparison", has_header_);
  if (piece.has_nodes()) return AddNodes(piece.nodes());
  if (piece.has_edges()) return AddEdges(piece.edges());
  return absl::OkStatus();  // a piece that is newer than this client
}

absl::Status ComparisonAssembler::AddHeader(const v1::CompareHeader& header) {
  if (has_header_) return Misplaced("header", has_header_);
  has_header_ = true;
  comparison_.base = FromProto(header.base());
  comparison_.other = FromProto(header.other());
  comparison_.same_transcoders = header.same_transcoders();
  for (const v1::AlignedRun& run : header.alignment()) {
    comparison_.alignment.push_back(
        {run.base_begin(), run.other_begin(), run.length(), run.same_tokens()});
  }
  n_nodes_ = header.n_nodes();
  n_edges_ = header.n_edges();
  return absl::OkStatus();
}

absl::Status ComparisonAssembler::AddNodes(const v1::ComparedNodeChunk& chunk) {
  const int n = chunk.changes_size();
  if (chunk.base_indices_size() != n || chunk.other_indices_size() != n ||
      chunk.kinds_size() != n || chunk.layers_size() != n || chunk.base_positions_size() != n ||
      chunk.other_positions_size() != n || chunk.indices_size() != n ||
      chunk.base_activations_size() != n || chunk.other_activations_size() != n ||
      chunk.base_influences_size() != n || chunk.other_influences_size() != n ||
      chunk.tokens_size() != n) {
    return BrokenAnswer("compared nodes: the arrays differ in length");
  }
  for (int i = 0; i < n; ++i) {
    const absl::StatusOr<Change> change = ChangeFromProto(chunk.changes(i));
    if (!change.ok()) return change.status();
    const absl::StatusOr<NodeKind> kind = KindFromProto(chunk.kinds(i));
    if (!kind.ok()) return kind.status();
    comparison_.nodes.push_back({.change = *change,
                                 .kind = *kind,
                                 .layer = chunk.layers(i),
                                 .index = chunk.indices(i),
                                 .token = chunk.tokens(i),
                                 .base = {chunk.base_indices(i), chunk.base_positions(i),
                                          chunk.base_activations(i), chunk.base_influences(i)},
                                 .other = {chunk.other_indices(i), chunk.other_positions(i),
                                           chunk.other_activations(i), chunk.other_influences(i)}});
  }
  return absl::OkStatus();
}

absl::Status ComparisonAssembler::AddEdges(const v1::ComparedEdgeChunk& chunk) {
  const int n = chunk.changes_size();
  if (chunk.sources_size() != n || chunk.targets_size() != n || chunk.base_weights_size() != n ||
      chunk.other_weights_size() != n) {
    return BrokenAnswer("compared edges: the arrays differ in length");
  }
  const int64_t n_nodes = std::ssize(comparison_.nodes);
  for (int i = 0; i < n; ++i) {
    const absl::StatusOr<Change> change = ChangeFromProto(chunk.changes(i));
    if (!change.ok()) return change.status();
    if (chunk.sources(i) < 0 || chunk.sources(i) >= n_nodes || chunk.targets(i) < 0 ||
        chunk.targets(i) >= n_nodes) {
      return BrokenAnswer("a compared edge between nodes that have not come");
    }
    comparison_.edges.push_back({*change, chunk.sources(i), chunk.targets(i), chunk.base_weights(i),
                                 chunk.other_weights(i)});
  }
  return absl::OkStatus();
}

absl::StatusOr<GraphComparison> ComparisonAssembler::Finish() {
  if (!has_header_) return BrokenAnswer("it ended before the header");
  if (std::ssize(comparison_.nodes) != n_nodes_ || std::ssize(comparison_.edges) != n_edges_) {
    return BrokenAnswer(absl::StrCat("the comparison ended after ", comparison_.nodes.size(),
                                     " of ", n_nodes_, " nodes and ", comparison_.edges.size(),
                                     " of ", n_edges_, " edges"));
  }
  return std::move(comparison_);
}

absl::Status EvaluationAssembler::Add(const v1::EvaluationHeader& header) {
  if (has_header_) return Misplaced("header", has_header_);
  has_header_ = true;
  evaluation_ = FromProto(header);
  for (const v1::LayerEvaluation& layer : header.layers()) {
    sizes_.push_back({.d_model = layer.d_model(), .n_features = layer.n_features()});
  }
  return absl::OkStatus();
}

absl::Status EvaluationAssembler::Add(const v1::EvaluationChunk& chunk) {
  if (!has_header_) return Misplaced("chunk of sums", has_header_);
  const auto layer =
      std::find_if(evaluation_.layers.begin(), evaluation_.layers.end(),
                   [&chunk](const EvaluatedLayer& entry) { return entry.layer == chunk.layer(); });
  if (layer == evaluation_.layers.end()) {
    return BrokenAnswer(absl::StrCat("sums of layer ", chunk.layer(), ", which was not announced"));
  }
  const Sizes& sizes = sizes_[static_cast<size_t>(layer - evaluation_.layers.begin())];
  if (chunk.modality() != v1::MODALITY_TEXT && chunk.modality() != v1::MODALITY_IMAGE) {
    return absl::OkStatus();  // a modality that is newer than this client
  }
  features::ReconstructionSums& sums =
      chunk.modality() == v1::MODALITY_IMAGE ? layer->sums.image : layer->sums.text;
  switch (chunk.array_case()) {
    case v1::EvaluationChunk::kOutputs:
      return Append(chunk.outputs(), sizes.d_model, &sums.output);
    case v1::EvaluationChunk::kCounts:
      return Append(chunk.counts(), sizes.n_features, &sums.activations);
    case v1::EvaluationChunk::ARRAY_NOT_SET:
      return absl::OkStatus();  // an array that is newer than this client
  }
  return absl::OkStatus();
}

absl::StatusOr<TranscoderEvaluation> EvaluationAssembler::Finish() {
  if (!has_header_) return BrokenAnswer("it ended before the header");
  for (size_t i = 0; i < sizes_.size(); ++i) {
    const EvaluatedLayer& layer = evaluation_.layers[i];
    for (const features::ReconstructionSums* sums : {&layer.sums.text, &layer.sums.image}) {
      if (std::ssize(sums->output) != sizes_[i].d_model ||
          std::ssize(sums->activations) != sizes_[i].n_features) {
        return BrokenAnswer(absl::StrCat("the sums of layer ", layer.layer, " are not complete"));
      }
    }
  }
  return std::move(evaluation_);
}

absl::Status FileAssembler::Add(const v1::ExportGraphResponse& piece) {
  if (has_size_ && piece.total_size_bytes() != total_size_bytes_) {
    return BrokenAnswer("the size of the file changed while it was sent");
  }
  has_size_ = true;
  total_size_bytes_ = piece.total_size_bytes();
  bytes_ += piece.data();
  return absl::OkStatus();
}

absl::StatusOr<std::string> FileAssembler::Finish() {
  const auto size = static_cast<int64_t>(bytes_.size());
  if (!has_size_ || size != total_size_bytes_) {
    return BrokenAnswer(
        absl::StrCat("the file ended after ", size, " of ", total_size_bytes_, " bytes"));
  }
  return std::move(bytes_);
}

}  // namespace cajal::client
