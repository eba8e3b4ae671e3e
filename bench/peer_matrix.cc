#include "bench/peer_matrix.h"

#include <algorithm>
#include <cstring>

#include "model/checkpoint/safetensors.h"
#include "model/graph/graph_check.h"

namespace cajal::bench {
namespace {

constexpr int32_t kLayers = 20;
constexpr int32_t kPositions = 24;

template <typename T>
absl::StatusOr<std::vector<T>> Values(const checkpoint::SafetensorsFile& file,
                                      const std::string& name) {
  const checkpoint::TensorView* tensor = file.Find(name);
  if (tensor == nullptr || checkpoint::ElementSize(tensor->type) != sizeof(T)) {
    return absl::InvalidArgumentError(file.path() + " has no tensor '" + name +
                                      "' of the script's");
  }
  std::vector<T> values(static_cast<size_t>(tensor->n_elements()));
  std::memcpy(values.data(), tensor->data, static_cast<size_t>(tensor->size_bytes));
  return values;
}

// One layer above the highest source, and none below the feature before.
void PlaceFeatures(graph::AttributionGraph* graph, int32_t n_features) {
  const int32_t n_errors = kLayers * kPositions;
  int32_t layer = 0;
  for (int32_t f = 0; f < n_features; ++f) {
    for (int64_t e = graph->edges.row_begin[f]; e < graph->edges.row_begin[f + 1]; ++e) {
      const int32_t source = graph->edges.columns[e];
      if (source < f) {
        layer = std::max(layer, graph->active_features[source].layer + 1);
      } else if (source < n_features + n_errors) {
        layer = std::max(layer, (source - n_features) / kPositions + 1);
      }
    }
    graph->active_features.push_back({layer, 0, f, 1.0f});
    graph->selected_features.push_back(f);
  }
}

}  // namespace

absl::StatusOr<PeerMatrix> ReadPeerMatrix(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, checkpoint::SafetensorsFile::Open(path));
  ASSIGN_OR_RETURN(const std::vector<int32_t> rows, Values<int32_t>(*file, "rows"));
  ASSIGN_OR_RETURN(const std::vector<float> probabilities,
                   Values<float>(*file, "logit_probabilities"));
  PeerMatrix matrix;
  ASSIGN_OR_RETURN(matrix.node_mask, Values<uint8_t>(*file, "node_mask"));
  graph::AttributionGraph& graph = matrix.graph;
  ASSIGN_OR_RETURN(graph.edges.columns, Values<int32_t>(*file, "cols"));
  ASSIGN_OR_RETURN(graph.edges.weights, Values<float>(*file, "weights"));
  graph.n_layers = kLayers;
  graph.input_tokens.assign(kPositions, 1);
  graph.token_texts.assign(kPositions, "token");
  for (size_t i = 0; i < probabilities.size(); ++i) {
    graph.logits.push_back({static_cast<int64_t>(i), "logit", probabilities[i]});
  }
  // The script walks the targets in ascending order, and the sources of each.
  graph.edges.row_begin.assign(matrix.node_mask.size() + 1, 0);
  for (const int32_t row : rows) ++graph.edges.row_begin[row + 1];
  for (size_t i = 1; i < graph.edges.row_begin.size(); ++i) {
    graph.edges.row_begin[i] += graph.edges.row_begin[i - 1];
  }
  PlaceFeatures(&graph, static_cast<int32_t>(matrix.node_mask.size()) - kLayers * kPositions -
                            kPositions - graph.n_logits());
  graph.bias.assign(graph.n_nodes(), 0);
  graph.pre_activations.assign(graph.n_nodes(), 0);
  RETURN_IF_ERROR(graph::CheckGraph(graph));
  return matrix;
}

}  // namespace cajal::bench
