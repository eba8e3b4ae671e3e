#include "model/graph/graph_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "model/base/status.h"
#include "model/checkpoint/json.h"
#include "model/graph/media_type.h"
#include "model/graph/node.h"

namespace cajal::graph {
namespace {

absl::Status Malformed(const std::string& field, const std::string& description) {
  return InvalidField(field, "MALFORMED_GRAPH", description);
}

std::string Range(int64_t end) { return "must be in [0, " + std::to_string(end) + ")"; }

absl::Status CheckSize(const std::string& field, size_t size, int64_t expected) {
  if (static_cast<int64_t>(size) == expected) return absl::OkStatus();
  return Malformed(
      field, "has " + std::to_string(size) + " entries, expected " + std::to_string(expected));
}

absl::Status CheckFinite(const std::string& field, std::span<const float> values) {
  const auto bad = std::find_if_not(values.begin(), values.end(),
                                    [](float value) { return std::isfinite(value); });
  if (bad == values.end()) return absl::OkStatus();
  return Malformed(FieldItem(field, bad - values.begin()), "is not a finite number");
}

// Comes first: the index arithmetic of AttributionGraph is 32-bit.
absl::Status CheckNodeCount(const AttributionGraph& graph) {
  if (graph.n_layers < 1) return Malformed("n_layers", "must be at least 1");
  if (graph.input_tokens.empty()) return Malformed("input_tokens", "must not be empty");
  if (graph.logits.empty()) return Malformed("logits", "must not be empty");
  constexpr size_t kMost = std::numeric_limits<int32_t>::max();
  for (size_t size : {graph.input_tokens.size(), graph.logits.size(), graph.active_features.size(),
                      graph.selected_features.size()}) {
    if (size > kMost) return Malformed("nodes", "there are more than 2^31 of them");
  }
  const size_t n_nodes = graph.selected_features.size() + graph.logits.size() +
                         (static_cast<size_t>(graph.n_layers) + 1) * graph.input_tokens.size();
  if (n_nodes > kMost) return Malformed("nodes", "there are more than 2^31 of them");
  return absl::OkStatus();
}

absl::Status CheckPrompt(const AttributionGraph& graph) {
  RETURN_IF_ERROR(CheckSize("token_texts", graph.token_texts.size(), graph.n_positions()));
  for (size_t i = 0; i < graph.image_runs.size(); ++i) {
    const AttributionGraph::ImageRun& run = graph.image_runs[i];
    if (run.image < 0 || run.crop < -1 || run.begin < 0 || run.begin >= run.end ||
        run.end > graph.n_positions()) {
      return Malformed(FieldItem("image_runs", i), "is not a run of positions of the prompt");
    }
    if (!run.thumbnail.empty() && PictureMediaType(run.thumbnail).empty()) {
      return Malformed(FieldItem("image_runs", i) + ".thumbnail",
                       "is neither a PNG nor a JPEG file");
    }
    if (!run.heatmaps.empty() && PictureMediaType(run.heatmaps) != "image/png") {
      return Malformed(FieldItem("image_runs", i) + ".heatmaps", "is not a PNG file");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFeatures(const AttributionGraph& graph) {
  const auto key = [](const FeatureNode& f) { return std::tie(f.layer, f.position, f.feature); };
  for (size_t i = 0; i < graph.active_features.size(); ++i) {
    const FeatureNode& f = graph.active_features[i];
    const std::string field = FieldItem("active_features", i);
    if (f.layer < 0 || f.layer >= graph.n_layers) {
      return Malformed(field + ".layer", Range(graph.n_layers));
    }
    if (f.position < 0 || f.position >= graph.n_positions()) {
      return Malformed(field + ".position", Range(graph.n_positions()));
    }
    if (f.feature < 0) return Malformed(field + ".feature", "must not be negative");
    if (!std::isfinite(f.activation)) {
      return Malformed(field + ".activation", "is not a finite number");
    }
    if (i > 0 && key(graph.active_features[i - 1]) >= key(f)) {
      return Malformed(field, "must follow its predecessor in (layer, position, feature)");
    }
  }
  const int64_t n_active = static_cast<int64_t>(graph.active_features.size());
  for (size_t i = 0; i < graph.selected_features.size(); ++i) {
    const int64_t selected = graph.selected_features[i];
    if (selected < 0 || selected >= n_active) {
      return Malformed(FieldItem("selected_features", i), Range(n_active));
    }
    if (i > 0 && graph.selected_features[i - 1] >= selected) {
      return Malformed(FieldItem("selected_features", i), "must be larger than its predecessor");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLogits(const AttributionGraph& graph) {
  for (size_t i = 0; i < graph.logits.size(); ++i) {
    const LogitNode& logit = graph.logits[i];
    const std::string field = FieldItem("logits", i);
    if (!(logit.probability >= 0 && logit.probability <= 1)) {
      return Malformed(field + ".probability", "must be in [0, 1]");
    }
    if (!(logit.weight() >= 0 && std::isfinite(logit.weight()))) {
      return Malformed(field + ".weight", "must be finite and not negative");
    }
    if (logit.position < -graph.n_positions() || logit.position >= graph.n_positions()) {
      return Malformed(field + ".position", "is not a position of the prompt");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckEdges(const AttributionGraph& graph) {
  const EdgeMatrix& edges = graph.edges;
  const int32_t n_nodes = graph.n_nodes();
  RETURN_IF_ERROR(CheckSize("edges.row_begin", edges.row_begin.size(), int64_t{n_nodes} + 1));
  RETURN_IF_ERROR(CheckSize("edges.weights", edges.weights.size(), edges.n_edges()));
  if (edges.row_begin.front() != 0 || edges.row_begin.back() != edges.n_edges()) {
    return Malformed("edges.row_begin", "must run from 0 to the number of edges");
  }
  if (!std::is_sorted(edges.row_begin.begin(), edges.row_begin.end())) {
    return Malformed("edges.row_begin", "must not descend");
  }
  for (int32_t t = 0; t < n_nodes; ++t) {
    int32_t previous = -1;
    for (int64_t e = edges.row_begin[t]; e < edges.row_begin[t + 1]; ++e) {
      const int32_t column = edges.columns[e];
      if (column <= previous || column >= n_nodes) {
        return Malformed(FieldItem("edges.columns", e),
                         "must ascend within a row and be in [0, " + std::to_string(n_nodes) + ")");
      }
      previous = column;
    }
  }
  return CheckFinite("edges.weights", edges.weights);
}

// Listed nodes ascend, have an influence or -1, and are all that edges join.
absl::Status CheckImported(const AttributionGraph& graph) {
  const ImportedPart& part = *graph.imported;
  if (!checkpoint::ParseJsonObject(part.metadata_json, "").ok()) {
    return Malformed("imported.metadata_json", "must be the text of a JSON object");
  }
  RETURN_IF_ERROR(CheckSize("imported.influence", part.influence.size(), std::ssize(part.nodes)));
  RETURN_IF_ERROR(CheckFinite("imported.influence", part.influence));
  std::vector<uint8_t> is_listed(graph.n_nodes(), 0);
  int32_t previous = -1;
  for (size_t i = 0; i < part.nodes.size(); ++i) {
    if (part.nodes[i] <= previous || part.nodes[i] >= graph.n_nodes()) {
      return Malformed(FieldItem("imported.nodes", i),
                       "must ascend, and " + Range(graph.n_nodes()));
    }
    previous = part.nodes[i];
    is_listed[previous] = 1;
  }
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      if (!is_listed[row] || !is_listed[graph.edges.columns[e]]) {
        return Malformed(FieldItem("edges.columns", e),
                         "joins a node that imported.nodes does not list");
      }
    }
  }
  return absl::OkStatus();
}

// The columns that row `t` may use: features below `feature_end`, errors below `error_end`, and
// tokens below `token_end`.
struct PermittedColumns {
  int32_t feature_end = 0;
  int32_t error_end = 0;
  int32_t token_end = 0;
};

absl::Status CheckRowOrder(const AttributionGraph& graph, int32_t row,
                           const PermittedColumns& permitted) {
  const int32_t* begin = graph.edges.columns.data() + graph.edges.row_begin[row];
  const int32_t* end = graph.edges.columns.data() + graph.edges.row_begin[row + 1];
  const int32_t* error = std::lower_bound(begin, end, graph.first_error());
  const int32_t* token = std::lower_bound(error, end, graph.first_token());
  const int32_t* bad = nullptr;
  if (begin != error && error[-1] >= permitted.feature_end) bad = error - 1;
  if (error != token && token[-1] >= permitted.error_end) bad = token - 1;
  if (token != end && end[-1] >= permitted.token_end) bad = end - 1;
  if (bad == nullptr) return absl::OkStatus();
  return InvalidField(FieldItem("edges.columns", bad - graph.edges.columns.data()),
                      "NOT_LAYER_ORDERED",
                      "the edge " + NodeId(graph, *bad) + " -> " + NodeId(graph, row) +
                          " does not run from an earlier layer to a later one");
}

}  // namespace

absl::Status CheckLayerOrder(const AttributionGraph& graph) {
  const int32_t n_nodes = graph.n_nodes();
  int32_t layer = -1;
  int32_t layer_begin = 0;  // the first selected feature of `layer`
  for (int32_t row = 0; row < graph.first_error(); ++row) {
    const int32_t row_layer = graph.active_features[graph.selected_features[row]].layer;
    if (row_layer != layer) {
      layer = row_layer;
      layer_begin = row;
    }
    RETURN_IF_ERROR(CheckRowOrder(
        graph, row,
        {layer_begin, graph.first_error() + layer * graph.n_positions(), graph.first_logit()}));
  }
  for (int32_t row = graph.first_error(); row < graph.first_logit(); ++row) {
    RETURN_IF_ERROR(CheckRowOrder(graph, row, {}));
  }
  for (int32_t row = graph.first_logit(); row < n_nodes; ++row) {
    RETURN_IF_ERROR(
        CheckRowOrder(graph, row, {graph.first_error(), graph.first_token(), graph.first_logit()}));
  }
  return absl::OkStatus();
}

absl::Status CheckGraph(const AttributionGraph& graph) {
  RETURN_IF_ERROR(CheckNodeCount(graph));
  RETURN_IF_ERROR(CheckPrompt(graph));
  RETURN_IF_ERROR(CheckFeatures(graph));
  RETURN_IF_ERROR(CheckLogits(graph));
  RETURN_IF_ERROR(CheckSize("bias", graph.bias.size(), graph.n_nodes()));
  RETURN_IF_ERROR(CheckFinite("bias", graph.bias));
  RETURN_IF_ERROR(CheckSize("pre_activations", graph.pre_activations.size(), graph.n_nodes()));
  RETURN_IF_ERROR(CheckFinite("pre_activations", graph.pre_activations));
  RETURN_IF_ERROR(CheckEdges(graph));
  if (graph.imported) RETURN_IF_ERROR(CheckImported(graph));
  return CheckLayerOrder(graph);
}

}  // namespace cajal::graph
