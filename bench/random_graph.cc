#include "bench/random_graph.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "model/base/check.h"
#include "model/graph/graph_check.h"

namespace cajal::bench {
namespace {

using graph::AttributionGraph;

// In (0, 1), 24 bits. mt19937_64 gives the same numbers everywhere; the standard's distributions do
// not.
float Uniform(std::mt19937_64& random) {
  return (static_cast<float>(random() >> 40) + 0.5f) * 0x1p-24f;
}

// Box and Muller's two numbers make one weight.
float Weight(std::mt19937_64& random) {
  const float radius = std::sqrt(-2 * std::log(Uniform(random)));
  const float angle = 2 * std::numbers::pi_v<float> * Uniform(random);
  return radius * std::cos(angle) * std::exp(radius * std::sin(angle));
}

void AddNodes(const RandomGraphShape& shape, AttributionGraph* graph) {
  graph->model_name = "random";
  graph->transcoder_name = "random";
  graph->n_layers = shape.n_layers;
  graph->input_tokens.assign(shape.n_positions, 1);
  graph->token_texts.assign(shape.n_positions, "token");
  const int64_t n_cells = int64_t{shape.n_layers} * shape.n_positions;
  for (int32_t i = 0; i < shape.n_features; ++i) {
    const auto cell = static_cast<int32_t>(i * n_cells / shape.n_features);
    graph->active_features.push_back({cell / shape.n_positions, cell % shape.n_positions, i, 1.0f});
    graph->selected_features.push_back(i);
  }
  const float probability = 0.95f / static_cast<float>(shape.n_logits);
  for (int32_t i = 0; i < shape.n_logits; ++i) graph->logits.push_back({i, "logit", probability});
  graph->bias.assign(graph->n_nodes(), 0);
  graph->pre_activations.assign(graph->n_nodes(), 0);
}

// The columns that layer order permits a row: three stretches that begin where features, errors and
// tokens do.
struct Permitted {
  int32_t features = 0;
  int32_t errors = 0;
  int32_t tokens = 0;
  [[nodiscard]] int64_t size() const { return int64_t{features} + errors + tokens; }
};

std::vector<Permitted> PermittedColumns(const AttributionGraph& graph) {
  std::vector<Permitted> rows(graph.n_nodes());
  int32_t layer_begin = 0;
  for (int32_t row = 0; row < graph.n_selected(); ++row) {
    const int32_t layer = graph.active_features[row].layer;
    if (row > 0 && graph.active_features[row - 1].layer != layer) layer_begin = row;
    rows[row] = {layer_begin, layer * graph.n_positions(), graph.n_positions()};
  }
  for (int32_t row = graph.first_logit(); row < graph.n_nodes(); ++row) {
    rows[row] = {graph.n_selected(), graph.n_errors(), graph.n_positions()};
  }
  return rows;
}

void AddEdges(const RandomGraphShape& shape, AttributionGraph* graph) {
  const std::vector<Permitted> permitted = PermittedColumns(*graph);
  int64_t n_permitted = 0;
  for (const Permitted& row : permitted) n_permitted += row.size();
  const int64_t n_edges = std::min(shape.n_edges, n_permitted);
  const float chance = static_cast<float>(n_edges) / static_cast<float>(n_permitted);

  std::mt19937_64 random(shape.seed);
  graph::EdgeMatrix& edges = graph->edges;
  edges.columns.reserve(n_edges + n_edges / 1000 + 1000);
  edges.weights.reserve(edges.columns.capacity());
  edges.row_begin.push_back(0);
  const auto draw = [&](int32_t begin, int32_t n) {
    for (int32_t column = begin; column < begin + n; ++column) {
      if (Uniform(random) >= chance) continue;
      edges.columns.push_back(column);
      edges.weights.push_back(Weight(random));
    }
  };
  for (const Permitted& row : permitted) {
    draw(0, row.features);
    draw(graph->first_error(), row.errors);
    draw(graph->first_token(), row.tokens);
    edges.row_begin.push_back(edges.n_edges());
  }
}

}  // namespace

AttributionGraph MakeRandomGraph(const RandomGraphShape& shape) {
  AttributionGraph graph;
  AddNodes(shape, &graph);
  AddEdges(shape, &graph);
  CAJAL_CHECK(graph::CheckGraph(graph).ok()) << graph::CheckGraph(graph).ToString();
  return graph;
}

}  // namespace cajal::bench
