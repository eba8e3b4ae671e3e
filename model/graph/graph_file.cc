#include "model/graph/graph_file.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "model/checkpoint/safetensors.h"
#include "model/graph/graph_check.h"
#include "model/graph/graph_json.h"

namespace cajal::graph {
namespace {

using checkpoint::ElementType;
using checkpoint::SafetensorsFile;
using checkpoint::TensorToWrite;
using checkpoint::TensorView;

constexpr char kMetadataKey[] = "graph";

template <typename T>
struct ElementTypeOf;
template <>
struct ElementTypeOf<float> {
  static constexpr ElementType kValue = ElementType::kF32;
};
template <>
struct ElementTypeOf<int64_t> {
  static constexpr ElementType kValue = ElementType::kI64;
};
template <>
struct ElementTypeOf<int32_t> {
  static constexpr ElementType kValue = ElementType::kI32;
};
template <>
struct ElementTypeOf<uint8_t> {
  static constexpr ElementType kValue = ElementType::kU8;
};

// The tensors of one container with the arrays that had to be made for them.
class Container {
 public:
  explicit Container(const AttributionGraph& graph) {
    AddNodes(graph);
    Add("bias", graph.bias);
    Add("pre_activations", graph.pre_activations);
    metadata_[kMetadataKey] = MetadataToJson(graph);
  }

  void AddRowBegin(const EdgeMatrix& edges) { Add("edge_row_begin", edges.row_begin); }

  void AddCompressedRows(const EdgeMatrix& edges) {
    AddRowBegin(edges);
    Add("edge_columns", edges.columns);
    Add("edge_weights", edges.weights);
  }

  void AddCoordinates(const EdgeMatrix& edges) {
    rows_.reserve(edges.columns.size());
    for (size_t row = 0; row + 1 < edges.row_begin.size(); ++row) {
      rows_.resize(edges.row_begin[row + 1], static_cast<int64_t>(row));
    }
    columns_.assign(edges.columns.begin(), edges.columns.end());
    Add("edge_rows", rows_);
    Add("edge_cols", columns_);
    Add("edge_weights", edges.weights);
  }

  void AddPruning(const PruningResult& pruning) {
    const InfluenceRule thresholds = ThresholdsOf(pruning.options);
    Add("node_influence", pruning.node_influence);
    Add("node_mask", pruning.node_mask);
    Add("edge_mask", pruning.edge_mask);
    metadata_["pruning"] = nlohmann::json{{"node_threshold", thresholds.node_threshold},
                                          {"edge_threshold", thresholds.edge_threshold}}
                               .dump();
  }

  [[nodiscard]] const std::vector<TensorToWrite>& tensors() const { return tensors_; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  // `values` must outlive the container.
  template <typename T>
  void Add(const char* name, const std::vector<T>& values, std::vector<int64_t> shape = {}) {
    if (shape.empty()) shape = {static_cast<int64_t>(values.size())};
    tensors_.push_back({name, ElementTypeOf<T>::kValue, std::move(shape), values.data()});
  }

  void AddNodes(const AttributionGraph& graph) {
    for (const FeatureNode& feature : graph.active_features) {
      features_.insert(features_.end(), {feature.layer, feature.position, feature.feature});
      activations_.push_back(feature.activation);
    }
    for (const LogitNode& logit : graph.logits) {
      logit_tokens_.push_back(logit.token_id);
      logit_probabilities_.push_back(logit.probability);
      logit_weights_.push_back(logit.weight());
      logit_positions_.push_back(logit.PositionIn(graph.n_positions()));
    }
    Add("active_features", features_, {static_cast<int64_t>(activations_.size()), 3});
    Add("activation_values", activations_);
    Add("selected_features", graph.selected_features);
    Add("input_tokens", graph.input_tokens);
    Add("logit_tokens", logit_tokens_);
    Add("logit_probabilities", logit_probabilities_);
    Add("logit_weights", logit_weights_);
    Add("logit_positions", logit_positions_);
  }

  std::vector<int64_t> features_;
  std::vector<float> activations_;
  std::vector<int64_t> logit_tokens_;
  std::vector<float> logit_probabilities_;
  std::vector<float> logit_weights_;
  std::vector<int64_t> logit_positions_;
  std::vector<int64_t> rows_;
  std::vector<int64_t> columns_;
  std::vector<TensorToWrite> tensors_;
  std::map<std::string, std::string> metadata_;
};

absl::Status TensorError(const char* name, const std::string& what) {
  return absl::InvalidArgumentError("tensor " + std::string(name) + ": " + what);
}

// A copy of a tensor of the given rank.
template <typename T>
absl::Status Load(const SafetensorsFile& file, const char* name, size_t rank,
                  std::vector<T>* values) {
  const TensorView* tensor = file.Find(name);
  if (tensor == nullptr) return TensorError(name, "is missing");
  if (tensor->type != ElementTypeOf<T>::kValue || tensor->shape.size() != rank) {
    return TensorError(name, std::string("is ") + checkpoint::ElementName(tensor->type) + " " +
                                 checkpoint::ShapeString(tensor->shape) + ", expected " +
                                 checkpoint::ElementName(ElementTypeOf<T>::kValue) + " of rank " +
                                 std::to_string(rank));
  }
  values->resize(static_cast<size_t>(tensor->n_elements()));
  if (!values->empty()) std::memcpy(values->data(), tensor->data, tensor->size_bytes);
  return absl::OkStatus();
}

absl::Status CheckInt32(const char* name, const std::vector<int64_t>& values) {
  for (int64_t value : values) {
    if (value < INT32_MIN || value > INT32_MAX) {
      return TensorError(name, "holds " + std::to_string(value) + ", which is out of range");
    }
  }
  return absl::OkStatus();
}

absl::Status LoadFeatures(const SafetensorsFile& file, AttributionGraph* graph) {
  std::vector<int64_t> features;
  std::vector<float> activations;
  RETURN_IF_ERROR(Load(file, "active_features", 2, &features));
  RETURN_IF_ERROR(Load(file, "activation_values", 1, &activations));
  RETURN_IF_ERROR(CheckInt32("active_features", features));
  if (features.size() != 3 * activations.size()) {
    return TensorError("active_features",
                       "must have the shape [" + std::to_string(activations.size()) + ", 3]");
  }
  graph->active_features.reserve(activations.size());
  for (size_t i = 0; i < activations.size(); ++i) {
    graph->active_features.push_back({static_cast<int32_t>(features[3 * i]),
                                      static_cast<int32_t>(features[3 * i + 1]),
                                      static_cast<int32_t>(features[3 * i + 2]), activations[i]});
  }
  return Load(file, "selected_features", 1, &graph->selected_features);
}

// The texts are there already. Files without positions and weights are of tokens at the last
// position with their probabilities as weights.
absl::Status LoadLogits(const SafetensorsFile& file, AttributionGraph* graph) {
  std::vector<int64_t> tokens;
  std::vector<float> probabilities;
  RETURN_IF_ERROR(Load(file, "logit_tokens", 1, &tokens));
  RETURN_IF_ERROR(Load(file, "logit_probabilities", 1, &probabilities));
  std::vector<float> weights = probabilities;
  std::vector<int64_t> positions(tokens.size(), -1);
  if (file.Find("logit_weights") != nullptr) {
    RETURN_IF_ERROR(Load(file, "logit_weights", 1, &weights));
    RETURN_IF_ERROR(Load(file, "logit_positions", 1, &positions));
    RETURN_IF_ERROR(CheckInt32("logit_positions", positions));
  }
  const size_t n = graph->logits.size();
  if (tokens.size() != n || probabilities.size() != n || weights.size() != n ||
      positions.size() != n) {
    return TensorError("logit_tokens",
                       "must be as long as logit_probabilities, logit_weights, logit_positions and "
                       "the " +
                           std::to_string(n) + " logit texts");
  }
  for (size_t i = 0; i < n; ++i) {
    LogitNode& logit = graph->logits[i];
    logit.token_id = tokens[i];
    logit.probability = probabilities[i];
    logit.position = static_cast<int32_t>(positions[i]);
    if (weights[i] != probabilities[i]) logit.given_weight = weights[i];
  }
  return absl::OkStatus();
}

absl::Status LoadCoordinates(const SafetensorsFile& file, int64_t n_nodes, EdgeMatrix* edges) {
  std::vector<int64_t> rows, columns;
  RETURN_IF_ERROR(Load(file, "edge_rows", 1, &rows));
  RETURN_IF_ERROR(Load(file, "edge_cols", 1, &columns));
  RETURN_IF_ERROR(CheckInt32("edge_cols", columns));
  if (!std::is_sorted(rows.begin(), rows.end())) {
    return TensorError("edge_rows", "must not descend");
  }
  if (!rows.empty() && (rows.front() < 0 || rows.back() >= n_nodes)) {
    return TensorError("edge_rows", "must be in [0, " + std::to_string(n_nodes) + ")");
  }
  edges->row_begin.assign(static_cast<size_t>(n_nodes) + 1, 0);
  for (int64_t row : rows) ++edges->row_begin[row + 1];
  for (int64_t row = 0; row < n_nodes; ++row) edges->row_begin[row + 1] += edges->row_begin[row];
  edges->columns.assign(columns.begin(), columns.end());
  return absl::OkStatus();
}

absl::Status LoadEdges(const SafetensorsFile& file, AttributionGraph* graph) {
  EdgeMatrix* edges = &graph->edges;
  RETURN_IF_ERROR(Load(file, "edge_weights", 1, &edges->weights));
  if (file.Find("edge_rows") != nullptr) {
    // One entry per node, so that the count is known before it is checked against the rest.
    return LoadCoordinates(file, static_cast<int64_t>(graph->bias.size()), edges);
  }
  RETURN_IF_ERROR(Load(file, "edge_row_begin", 1, &edges->row_begin));
  return Load(file, "edge_columns", 1, &edges->columns);
}

// Everything but the edges.
absl::StatusOr<AttributionGraph> LoadNodes(const SafetensorsFile& file) {
  const auto metadata = file.metadata().find(kMetadataKey);
  if (metadata == file.metadata().end()) {
    return absl::InvalidArgumentError("is not a graph: the metadata key `graph` is missing");
  }
  AttributionGraph graph;
  RETURN_IF_ERROR(MetadataFromJson(metadata->second, &graph));
  RETURN_IF_ERROR(Load(file, "input_tokens", 1, &graph.input_tokens));
  RETURN_IF_ERROR(LoadFeatures(file, &graph));
  RETURN_IF_ERROR(LoadLogits(file, &graph));
  RETURN_IF_ERROR(Load(file, "bias", 1, &graph.bias));
  RETURN_IF_ERROR(Load(file, "pre_activations", 1, &graph.pre_activations));
  return graph;
}

absl::StatusOr<AttributionGraph> LoadGraph(const SafetensorsFile& file) {
  ASSIGN_OR_RETURN(AttributionGraph graph, LoadNodes(file));
  RETURN_IF_ERROR(LoadEdges(file, &graph));
  RETURN_IF_ERROR(CheckGraph(graph));
  return graph;
}

}  // namespace

absl::Status WriteRawGraph(const std::string& path, const AttributionGraph& graph,
                           const PruningResult& pruning) {
  Container container(graph);
  container.AddCoordinates(graph.edges);
  container.AddPruning(pruning);
  return checkpoint::WriteSafetensors(path, container.tensors(), container.metadata());
}

std::string SerializeStoredGraph(const AttributionGraph& graph) {
  Container container(graph);
  container.AddCompressedRows(graph.edges);
  return checkpoint::SerializeSafetensors(container.tensors(), container.metadata());
}

std::string SerializeWithoutEdges(const AttributionGraph& graph) {
  Container container(graph);
  container.AddRowBegin(graph.edges);
  return checkpoint::SerializeSafetensors(container.tensors(), container.metadata());
}

absl::StatusOr<AttributionGraph> ParseWithoutEdges(std::shared_ptr<const std::string> bytes) {
  ASSIGN_OR_RETURN(const auto file, checkpoint::ParseSafetensors(std::move(bytes), "graph"));
  ASSIGN_OR_RETURN(AttributionGraph graph, LoadNodes(*file));
  RETURN_IF_ERROR(Load(*file, "edge_row_begin", 1, &graph.edges.row_begin));
  return graph;
}

absl::StatusOr<AttributionGraph> ReadGraph(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(path));
  absl::StatusOr<AttributionGraph> graph = LoadGraph(*file);
  if (!graph.ok()) return WithContext(graph.status(), path);
  return graph;
}

absl::StatusOr<AttributionGraph> ParseGraph(std::shared_ptr<const std::string> bytes,
                                            const std::string& name) {
  ASSIGN_OR_RETURN(const auto file, checkpoint::ParseSafetensors(std::move(bytes), name));
  absl::StatusOr<AttributionGraph> graph = LoadGraph(*file);
  if (!graph.ok()) return WithContext(graph.status(), name);
  return graph;
}

}  // namespace cajal::graph
