#include "server/graph_file_form.h"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cajal/v1/graph_file.pb.h"
#include "model/base/status.h"
#include "model/graph/graph_check.h"
#include "server/graph_annotations.h"
#include "server/target_conversion.h"

namespace cajal::server {
namespace {

namespace io = google::protobuf::io;

using ImageRun = graph::AttributionGraph::ImageRun;

constexpr size_t kMagicBytes = sizeof(kGraphFileMagic) - 1;
constexpr int kEntriesPerRecord = 16384;
// Chunks are below 512 KiB; a header has the prompt and its targets.
constexpr uint32_t kMaxRecordBytes = 64 << 20;

absl::Status Malformed(const std::string& field, const std::string& description) {
  return InvalidField(field, "MALFORMED_GRAPH", description);
}

std::string Delimited(const v1::GraphFileRecord& record) {
  std::string text;
  {
    io::StringOutputStream stream(&text);
    io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    coded.WriteVarint32(static_cast<uint32_t>(record.ByteSizeLong()));
    record.SerializeToCodedStream(&coded);
  }
  return text;
}

absl::Status WriteUnselected(const graph::AttributionGraph& graph, const graph::TextSink& sink) {
  v1::GraphFileRecord record;
  v1::UnselectedFeatureChunk* chunk = record.mutable_unselected_features();
  size_t selected = 0;
  for (size_t i = 0; i < graph.active_features.size(); ++i) {
    if (selected < graph.selected_features.size() &&
        graph.selected_features[selected] == static_cast<int64_t>(i)) {
      ++selected;
      continue;
    }
    const graph::FeatureNode& feature = graph.active_features[i];
    chunk->add_layers(feature.layer);
    chunk->add_positions(feature.position);
    chunk->add_indices(feature.feature);
    chunk->add_activations(feature.activation);
    if (chunk->layers_size() == kEntriesPerRecord) {
      RETURN_IF_ERROR(sink(Delimited(record)));
      chunk->Clear();
    }
  }
  return chunk->layers_size() > 0 ? sink(Delimited(record)) : absl::OkStatus();
}

absl::Status WritePictures(const graph::AttributionGraph& graph, const graph::TextSink& sink) {
  for (size_t i = 0; i < graph.image_runs.size(); ++i) {
    const ImageRun& run = graph.image_runs[i];
    v1::GraphFileRecord record;
    if (!run.thumbnail.empty()) {
      record.mutable_thumbnail()->set_image_span(static_cast<int32_t>(i));
      record.mutable_thumbnail()->set_data(run.thumbnail);
      RETURN_IF_ERROR(sink(Delimited(record)));
    }
    if (!run.heatmaps.empty()) {
      record.mutable_heatmaps()->set_image_span(static_cast<int32_t>(i));
      record.mutable_heatmaps()->set_data(run.heatmaps);
      RETURN_IF_ERROR(sink(Delimited(record)));
    }
  }
  return absl::OkStatus();
}

absl::Status WriteImported(const graph::ImportedPart& part, const graph::TextSink& sink) {
  v1::GraphFileRecord record;
  record.mutable_imported()->set_metadata_json(part.metadata_json);
  RETURN_IF_ERROR(sink(Delimited(record)));
  for (size_t begin = 0; begin < part.nodes.size(); begin += kEntriesPerRecord) {
    const size_t end = std::min(part.nodes.size(), begin + kEntriesPerRecord);
    v1::ImportedNodeChunk* chunk = record.mutable_imported_nodes();
    chunk->mutable_node_indices()->Assign(part.nodes.begin() + begin, part.nodes.begin() + end);
    chunk->mutable_influences()->Assign(part.influence.begin() + begin,
                                        part.influence.begin() + end);
    RETURN_IF_ERROR(sink(Delimited(record)));
  }
  return absl::OkStatus();
}

bool Precedes(const graph::FeatureNode& a, const graph::FeatureNode& b) {
  return std::tie(a.layer, a.position, a.feature) < std::tie(b.layer, b.position, b.feature);
}

// Takes a file's records in order and makes the graph.
class GraphBuilder {
 public:
  explicit GraphBuilder(const graph::ImportLimits& limits) : limits_(limits) {}

  absl::Status Add(const v1::GraphFileRecord& record) {
    if (ended_) return Malformed("end", "something follows the end of the file");
    if (record.has_header() == has_header_) {
      return Malformed("header", "must come first, and once");
    }
    switch (record.record_case()) {
      case v1::GraphFileRecord::kHeader:
        return AddHeader(record.header());
      case v1::GraphFileRecord::kChunk:
        return AddChunk(record.chunk());
      case v1::GraphFileRecord::kUnselectedFeatures:
        return AddUnselected(record.unselected_features());
      case v1::GraphFileRecord::kThumbnail:
        return AddPicture(record.thumbnail(), "thumbnail", &ImageRun::thumbnail);
      case v1::GraphFileRecord::kHeatmaps:
        return AddPicture(record.heatmaps(), "heatmaps", &ImageRun::heatmaps);
      case v1::GraphFileRecord::kImported:
        Imported().metadata_json = record.imported().metadata_json();
        return absl::OkStatus();
      case v1::GraphFileRecord::kImportedNodes:
        return AddImportedNodes(record.imported_nodes());
      case v1::GraphFileRecord::kAnnotations:
        read_.annotations = FromProto(record.annotations());
        return absl::OkStatus();
      case v1::GraphFileRecord::kEnd:
        ended_ = true;
        return absl::OkStatus();
      case v1::GraphFileRecord::RECORD_NOT_SET:
        return absl::OkStatus();  // a kind of record that is newer than this server
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ReadGraph> Finish() {
    if (!ended_) return Malformed("end", "is missing: the file is cut off");
    if (graph().n_positions() != n_positions_) {
      return Malformed("tokens", "are not as many as header.graph.n_positions");
    }
    SelectFeatures();
    RETURN_IF_ERROR(CheckNodes());
    edges().row_begin.resize(graph().n_nodes() + 1, edges().n_edges());
    RETURN_IF_ERROR(graph::CheckGraph(graph()));
    const absl::Status status = graph::CheckAnnotations(graph(), read_.annotations);
    if (!status.ok()) return WithReason(status, "MALFORMED_GRAPH");
    return std::move(read_);
  }

 private:
  graph::AttributionGraph& graph() { return read_.graph; }
  graph::EdgeMatrix& edges() { return read_.graph.edges; }
  graph::ImportedPart& Imported() {
    if (!graph().imported) graph().imported.emplace();
    return *graph().imported;
  }

  absl::Status AddHeader(const v1::GraphHeader& header) {
    has_header_ = true;
    if (header.view() != v1::GRAPH_VIEW_FULL) {
      return Malformed("header.view", "must be GRAPH_VIEW_FULL");
    }
    const v1::Graph& proto = header.graph();
    if (proto.n_layers() < 1) return Malformed("header.graph.n_layers", "must be at least 1");
    n_positions_ = proto.n_positions();
    // In floating point: the product of hostile numbers would overflow.
    const double n_nodes = (1.0 + proto.n_layers()) * proto.n_positions() +
                           proto.n_selected_features() + proto.logits_size();
    if (n_nodes > static_cast<double>(limits_.max_nodes)) {
      return InvalidField("header.graph", "GRAPH_TOO_LARGE",
                          "more than " + std::to_string(limits_.max_nodes) + " nodes");
    }
    graph().model_name = proto.model_name();
    graph().transcoder_name = proto.transcoder_name();
    graph().prompt = proto.prompt();
    graph().n_layers = proto.n_layers();
    const v1::GraphSettings& settings = proto.settings();
    graph().settings = {.max_n_logits = settings.max_n_logits(),
                        .desired_logit_prob = settings.desired_logit_prob(),
                        .targets = {},
                        .max_feature_nodes = settings.max_feature_nodes(),
                        .batch_size = settings.batch_size(),
                        .update_interval = settings.update_interval(),
                        .rank_once = settings.rank_once(),
                        .zero_positions = settings.zero_positions()};
    for (int i = 0; i < proto.targets_size(); ++i) {
      ASSIGN_OR_RETURN(
          graph().settings.targets.emplace_back(),
          TargetFromProto(proto.targets(i), "header.graph.targets[" + std::to_string(i) + "]"));
    }
    for (const v1::LogitNode& logit : proto.logits()) {
      graph().logits.push_back({.token_id = logit.token_id(),
                                .token = logit.token(),
                                .probability = logit.probability(),
                                .position = logit.position()});
      if (logit.weight() != logit.probability()) {
        graph().logits.back().given_weight = logit.weight();
      }
    }
    graph().additivity = {proto.additivity().max_relative_error(), proto.additivity().worst_row()};
    read_.cost.seconds = proto.seconds();
    for (const v1::PhaseTime& phase : proto.phases()) {
      read_.cost.phases.push_back({phase.phase(), phase.seconds()});
    }
    return absl::OkStatus();
  }

  absl::Status AddChunk(const v1::GraphChunk& chunk) {
    switch (chunk.chunk_case()) {
      case v1::GraphChunk::kTokens:
        return AddTokens(chunk.tokens());
      case v1::GraphChunk::kNodes:
        return AddNodes(chunk.nodes());
      case v1::GraphChunk::kEdges:
        return AddEdges(chunk.edges());
      default:
        return absl::OkStatus();  // newer than this server
    }
  }

  absl::Status AddTokens(const v1::TokenChunk& chunk) {
    if (chunk.token_ids_size() != chunk.token_texts_size()) {
      return Malformed("tokens", "ids and texts differ in number");
    }
    graph().input_tokens.insert(graph().input_tokens.end(), chunk.token_ids().begin(),
                                chunk.token_ids().end());
    graph().token_texts.insert(graph().token_texts.end(), chunk.token_texts().begin(),
                               chunk.token_texts().end());
    for (const v1::ImageSpan& span : chunk.image_spans()) {
      graph().image_runs.push_back(
          {.image = span.image(), .crop = span.crop(), .begin = span.begin(), .end = span.end()});
    }
    return CheckNodeCount(graph().input_tokens.size());
  }

  absl::Status AddNodes(const v1::NodeChunk& chunk) {
    const int n = chunk.node_indices_size();
    for (const int size :
         {chunk.kinds_size(), chunk.layers_size(), chunk.positions_size(), chunk.indices_size(),
          chunk.activations_size(), chunk.biases_size(), chunk.pre_activations_size()}) {
      if (size != n) return Malformed("nodes", "the arrays differ in length");
    }
    for (int i = 0; i < n; ++i) {
      if (chunk.node_indices(i) != std::ssize(graph().bias)) {
        return Malformed("nodes.node_indices", "must go up from 0 without gaps");
      }
      graph().bias.push_back(chunk.biases(i));
      graph().pre_activations.push_back(chunk.pre_activations(i));
      if (chunk.kinds(i) != v1::NODE_KIND_FEATURE) continue;
      if (n_features_ + 1 != std::ssize(graph().bias)) {
        return Malformed("nodes.kinds", "features must come first");
      }
      ++n_features_;
      features_.push_back(
          {chunk.layers(i), chunk.positions(i), chunk.indices(i), chunk.activations(i)});
      if (n_features_ > 1 && !Precedes(features_[n_features_ - 2], features_[n_features_ - 1])) {
        return Malformed("nodes", "features must ascend by layer, position and index");
      }
    }
    return CheckNodeCount(graph().bias.size());
  }

  absl::Status AddEdges(const v1::EdgeChunk& chunk) {
    const int n = chunk.sources_size();
    if (chunk.targets_size() != n || chunk.weights_size() != n) {
      return Malformed("edges", "the arrays differ in length");
    }
    std::vector<int64_t>& row_begin = edges().row_begin;
    for (int i = 0; i < n; ++i) {
      const int64_t target = chunk.targets(i);
      if (target < 0 || target >= std::ssize(graph().bias) || target + 1 < std::ssize(row_begin)) {
        return Malformed("edges.targets", "must ascend, and be nodes");
      }
      row_begin.resize(target + 1, edges().n_edges());
      edges().columns.push_back(chunk.sources(i));
      edges().weights.push_back(chunk.weights(i));
    }
    return absl::OkStatus();
  }

  absl::Status AddUnselected(const v1::UnselectedFeatureChunk& chunk) {
    const int n = chunk.layers_size();
    if (chunk.positions_size() != n || chunk.indices_size() != n || chunk.activations_size() != n) {
      return Malformed("unselected_features", "the arrays differ in length");
    }
    for (int i = 0; i < n; ++i) {
      features_.push_back(
          {chunk.layers(i), chunk.positions(i), chunk.indices(i), chunk.activations(i)});
    }
    return absl::OkStatus();
  }

  // Picture: GraphFileThumbnail or GraphFileHeatmaps.
  template <typename Picture>
  absl::Status AddPicture(const Picture& picture, const std::string& field,
                          std::string ImageRun::*member) {
    const auto n_runs = static_cast<int32_t>(graph().image_runs.size());
    if (picture.image_span() < 0 || picture.image_span() >= n_runs) {
      return Malformed(field + ".image_span", "must be in [0, " + std::to_string(n_runs) + ")");
    }
    graph().image_runs[picture.image_span()].*member = picture.data();
    return absl::OkStatus();
  }

  absl::Status AddImportedNodes(const v1::ImportedNodeChunk& chunk) {
    if (chunk.node_indices_size() != chunk.influences_size()) {
      return Malformed("imported_nodes", "the arrays differ in length");
    }
    graph::ImportedPart& part = Imported();
    part.nodes.insert(part.nodes.end(), chunk.node_indices().begin(), chunk.node_indices().end());
    part.influence.insert(part.influence.end(), chunk.influences().begin(),
                          chunk.influences().end());
    return CheckNodeCount(part.nodes.size());
  }

  absl::Status CheckNodeCount(size_t n) const {
    if (static_cast<int64_t>(n) <= limits_.max_nodes) return absl::OkStatus();
    return InvalidField("nodes", "GRAPH_TOO_LARGE",
                        "more than " + std::to_string(limits_.max_nodes) + " nodes");
  }

  // features_ has the nodes first, in order, then the others: sorts them together.
  void SelectFeatures() {
    std::vector<int64_t> order(features_.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [this](int64_t a, int64_t b) { return Precedes(features_[a], features_[b]); });
    for (size_t i = 0; i < order.size(); ++i) {
      graph().active_features.push_back(features_[order[i]]);
      if (order[i] < n_features_) graph().selected_features.push_back(static_cast<int64_t>(i));
    }
  }

  absl::Status CheckNodes() {
    if (std::ssize(graph().bias) == graph().n_nodes()) return absl::OkStatus();
    return Malformed("nodes", "there are " + std::to_string(graph().bias.size()) +
                                  ", where features, layers, positions and logits make " +
                                  std::to_string(graph().n_nodes()));
  }

  const graph::ImportLimits limits_;
  bool has_header_ = false;
  bool ended_ = false;
  int32_t n_positions_ = 0;  // announced
  int64_t n_features_ = 0;
  std::vector<graph::FeatureNode> features_;
  ReadGraph read_;
};

}  // namespace

absl::Status WriteGraphFile(const graph::AttributionGraph& graph,
                            const graph::Annotations& annotations, GraphMessages messages,
                            const graph::TextSink& sink) {
  RETURN_IF_ERROR(sink(std::string_view(kGraphFileMagic, kMagicBytes)));
  v1::GraphFileRecord record;
  *record.mutable_header() = messages.header();
  RETURN_IF_ERROR(sink(Delimited(record)));
  while (messages.Next(record.mutable_chunk())) RETURN_IF_ERROR(sink(Delimited(record)));
  RETURN_IF_ERROR(WriteUnselected(graph, sink));
  RETURN_IF_ERROR(WritePictures(graph, sink));
  if (graph.imported) RETURN_IF_ERROR(WriteImported(*graph.imported, sink));
  if (annotations != graph::Annotations()) {
    *record.mutable_annotations() = ToProto(annotations);
    RETURN_IF_ERROR(sink(Delimited(record)));
  }
  record.mutable_end();
  return sink(Delimited(record));
}

absl::StatusOr<ReadGraph> ReadGraphFile(const std::string& path,
                                        const graph::ImportLimits& limits) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::InternalError("the file of an import could not be opened");
  io::FileInputStream file(descriptor);
  file.SetCloseOnDelete(true);
  std::string magic;
  {
    io::CodedInputStream coded(&file);
    if (!coded.ReadString(&magic, kMagicBytes) || magic != kGraphFileMagic) {
      return Malformed("document", "does not begin with " + std::string(kGraphFileMagic));
    }
  }
  GraphBuilder builder(limits);
  for (int64_t n_records = 0;; ++n_records) {
    // One for each record: it counts bytes, and its count is bounded.
    io::CodedInputStream coded(&file);
    uint32_t size = 0;
    const void* ahead = nullptr;
    int n_ahead = 0;
    if (!coded.GetDirectBufferPointer(&ahead, &n_ahead)) break;  // the end of the file
    const std::string field = "records[" + std::to_string(n_records) + "]";
    if (!coded.ReadVarint32(&size)) return Malformed(field, "is cut off");
    if (size > kMaxRecordBytes) {
      return Malformed(field, "has more than " + std::to_string(kMaxRecordBytes) + " bytes");
    }
    const auto limit = coded.PushLimit(static_cast<int>(size));
    v1::GraphFileRecord record;
    if (!record.ParseFromCodedStream(&coded) || coded.BytesUntilLimit() != 0) {
      return Malformed(field, "is cut off, or no GraphFileRecord");
    }
    coded.PopLimit(limit);
    RETURN_IF_ERROR(WithContext(builder.Add(record), field));
  }
  return builder.Finish();
}

}  // namespace cajal::server
