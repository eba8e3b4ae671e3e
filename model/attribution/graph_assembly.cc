#include "model/attribution/graph_assembly.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace cajal::attribution {
namespace {

using graph::AttributionGraph;

// Where a node's row was computed.
struct RowPlace {
  const RowBatch* batch = nullptr;
  int64_t index = 0;
};

// The columns of SourceTable that the nodes stand for, in node order, each with its node.
struct NodeColumns {
  std::vector<int64_t> features;  // ascending; entry j is node j
  std::vector<int64_t> errors;    // ascending; entry j is node first_error + j
};

NodeColumns ColumnsOfNodes(const SourceTable& sources, const AttributionGraph& graph) {
  NodeColumns columns;
  for (const int64_t feature : graph.selected_features) {
    columns.features.push_back(sources.FeatureColumn(feature));
  }
  for (int layer = 0; layer < sources.n_layers(); ++layer) {
    for (int64_t p = 0; p < sources.n_positions(); ++p) {
      columns.errors.push_back(sources.ErrorColumn(layer, p));
    }
  }
  return columns;
}

// How many edges the rows can have: no more nodes than lie below each target.
int64_t MostEdges(const SourceTable& sources, const NodeColumns& columns,
                  const std::deque<RowBatch>& batches) {
  int64_t most = 0;
  for (const RowBatch& batch : batches) {
    for (const int layer : batch.layers) {
      const int64_t length = sources.ColumnsBelow(layer);
      for (const std::vector<int64_t>* of_nodes : {&columns.features, &columns.errors}) {
        most += std::lower_bound(of_nodes->begin(), of_nodes->end(), length) - of_nodes->begin();
      }
      most += sources.n_positions();
    }
  }
  return most;
}

// Appends the non-zero entries of one row. values: the row's first `length` columns.
void AppendRow(const float* values, int64_t length, const NodeColumns& columns,
               const AttributionGraph& graph, graph::EdgeMatrix* edges) {
  const auto append = [&](int64_t column, int64_t node) {
    const float weight = values[column];
    if (weight != 0) {
      edges->columns.push_back(static_cast<int32_t>(node));
      edges->weights.push_back(weight);
    }
  };
  const auto append_all = [&](const std::vector<int64_t>& of_nodes, int64_t first_node) {
    for (size_t j = 0; j < of_nodes.size() && of_nodes[j] < length; ++j) {
      append(of_nodes[j], first_node + static_cast<int64_t>(j));
    }
  };
  append_all(columns.features, 0);
  append_all(columns.errors, graph.first_error());
  for (int64_t p = 0; p < graph.n_positions(); ++p) append(p, graph.first_token() + p);
}

void SetNodeValues(const RowPlace& place, int32_t node, float pre_activation,
                   AttributionGraph* graph) {
  const auto i = static_cast<size_t>(place.index);
  const RowBatch& batch = *place.batch;
  graph->bias[static_cast<size_t>(node)] = static_cast<float>(batch.bias[i]);
  graph->pre_activations[static_cast<size_t>(node)] = pre_activation;
  const double scale = std::max({batch.absolute_sums[i], std::abs(batch.bias[i]), 1e-30});
  const double error = std::abs(pre_activation - batch.bias[i] - batch.sums[i]) / scale;
  if (graph->additivity.worst_row < 0 || error > graph->additivity.max_relative_error) {
    graph->additivity = {error, node};
  }
}

}  // namespace

AttributionGraph AssembleGraph(const SourceTable& sources, const Targets& targets,
                               const std::deque<RowBatch>& batches) {
  const FeatureTable& features = sources.features();
  AttributionGraph graph;
  graph.n_layers = sources.n_layers();
  graph.input_tokens.resize(static_cast<size_t>(sources.n_positions()));  // the caller fills them
  graph.active_features.reserve(features.layers.size());
  for (size_t i = 0; i < features.layers.size(); ++i) {
    graph.active_features.push_back({.layer = features.layers[i],
                                     .position = features.positions[i],
                                     .feature = features.features[i],
                                     .activation = features.activations[i]});
  }
  graph.logits = targets.nodes;

  std::vector<RowPlace> feature_rows(features.layers.size());
  std::vector<RowPlace> target_rows(targets.nodes.size());
  for (const RowBatch& batch : batches) {
    for (int64_t i = 0; i < batch.size(); ++i) {
      auto& rows = batch.are_targets ? target_rows : feature_rows;
      rows[static_cast<size_t>(batch.targets[static_cast<size_t>(i)])] = {&batch, i};
    }
  }
  for (size_t i = 0; i < feature_rows.size(); ++i) {
    if (feature_rows[i].batch != nullptr) {
      graph.selected_features.push_back(static_cast<int64_t>(i));
    }
  }

  graph.bias.assign(static_cast<size_t>(graph.n_nodes()), 0);
  graph.pre_activations.assign(static_cast<size_t>(graph.n_nodes()), 0);
  const NodeColumns columns = ColumnsOfNodes(sources, graph);
  // Growing by doubling would hold up to three times the edges.
  const auto most_edges = static_cast<size_t>(MostEdges(sources, columns, batches));
  graph.edges.columns.reserve(most_edges);
  graph.edges.weights.reserve(most_edges);
  graph.edges.row_begin.push_back(0);
  const auto close_row = [&graph] { graph.edges.row_begin.push_back(graph.edges.n_edges()); };
  const auto append_row = [&](const RowPlace& place) {
    const at::Tensor values = place.batch->values[place.index].cpu();
    const int layer = place.batch->layers[static_cast<size_t>(place.index)];
    AppendRow(values.const_data_ptr<float>(), sources.ColumnsBelow(layer), columns, graph,
              &graph.edges);
    close_row();
  };
  for (int32_t node = 0; node < graph.n_selected(); ++node) {
    const auto feature = static_cast<size_t>(graph.selected_features[static_cast<size_t>(node)]);
    append_row(feature_rows[feature]);
    SetNodeValues(feature_rows[feature], node, features.pre_activations[feature], &graph);
  }
  for (int32_t node = graph.first_error(); node < graph.first_logit(); ++node) close_row();
  for (size_t k = 0; k < target_rows.size(); ++k) {
    append_row(target_rows[k]);
    SetNodeValues(target_rows[k], graph.first_logit() + static_cast<int32_t>(k), targets.values[k],
                  &graph);
  }
  return graph;
}

}  // namespace cajal::attribution
