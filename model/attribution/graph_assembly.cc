#include "model/attribution/graph_assembly.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <utility>

#include "model/gemma3/host_to_device.h"

namespace cajal::attribution {
namespace {

using graph::AttributionGraph;

// Columns of the nodes in a row, ascending.
struct NodeColumns {
  std::vector<int64_t> features;  // entry j is node j
  std::vector<int64_t> errors;    // entry j is node first_error + j
  std::vector<int64_t> tokens;    // entry j is node first_token + j
};

// A batch's rows where the CPU can read them.
struct ReadableRows {
  at::Tensor values;  // [rows, n], float32
  const NodeColumns* columns = nullptr;
};

// What is copied of rows that cannot be read as they are: the nodes' columns.
struct NodesInRow {
  at::Tensor wanted;   // [n] columns, int64, on the device
  NodeColumns places;  // among these
};

// Where a node's row was computed.
struct RowPlace {
  const RowBatch* batch = nullptr;
  int64_t index = 0;
};

// The columns of SourceTable that the nodes stand for.
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
  for (int64_t p = 0; p < sources.n_positions(); ++p) {
    columns.tokens.push_back(sources.TokenColumn(p));
  }
  return columns;
}

// Of rows as wide as `values`.
NodesInRow NodesWithin(const at::Tensor& values, const NodeColumns& columns) {
  NodesInRow nodes;
  std::vector<int64_t> wanted;
  for (const auto of_nodes : {&NodeColumns::features, &NodeColumns::errors, &NodeColumns::tokens}) {
    for (const int64_t column : columns.*of_nodes) {
      if (column >= values.size(1)) break;
      (nodes.places.*of_nodes).push_back(std::ssize(wanted));
      wanted.push_back(column);
    }
  }
  nodes.wanted = gemma3::ToDevice(wanted, values.device());
  return nodes;
}

// Rows as they are, if they can be read. Else the nodes' columns alone: of those on a GPU only a
// few in a hundred are wanted, and one transfer brings them.
//   of_width: what rows of each width had so far; there are as many widths as layers.
ReadableRows MakeReadable(const RowBatch& batch, const NodeColumns& columns,
                          std::map<int64_t, NodesInRow>* of_width) {
  const at::Tensor& values = batch.values;
  if (values.is_cpu() && values.scalar_type() == at::kFloat) return {values, &columns};
  const auto [it, is_new] = of_width->try_emplace(values.size(1));
  if (is_new) it->second = NodesWithin(values, columns);
  return {values.index_select(1, it->second.wanted).cpu().to(at::kFloat), &it->second.places};
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

// Appends the non-zero entries of one row, those of columns below `length`.
void AppendRow(const float* values, int64_t length, const NodeColumns& columns,
               const AttributionGraph& graph, graph::EdgeMatrix* edges) {
  const auto append_all = [&](const std::vector<int64_t>& of_nodes, int64_t first_node) {
    for (size_t j = 0; j < of_nodes.size() && of_nodes[j] < length; ++j) {
      const float weight = values[of_nodes[j]];
      if (weight == 0) continue;
      edges->columns.push_back(static_cast<int32_t>(first_node + static_cast<int64_t>(j)));
      edges->weights.push_back(weight);
    }
  };
  append_all(columns.features, 0);
  append_all(columns.errors, graph.first_error());
  append_all(columns.tokens, graph.first_token());
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
  std::map<int64_t, NodesInRow> of_width;
  std::map<const RowBatch*, ReadableRows> readable;
  for (const RowBatch& batch : batches) readable[&batch] = MakeReadable(batch, columns, &of_width);
  // Growing by doubling would hold up to three times the edges.
  const auto most_edges = static_cast<size_t>(MostEdges(sources, columns, batches));
  graph.edges.columns.reserve(most_edges);
  graph.edges.weights.reserve(most_edges);
  graph.edges.row_begin.push_back(0);
  const auto close_row = [&graph] { graph.edges.row_begin.push_back(graph.edges.n_edges()); };
  const auto append_row = [&](const RowPlace& place) {
    const ReadableRows& rows = readable[place.batch];
    AppendRow(rows.values.const_data_ptr<float>() + place.index * rows.values.stride(0),
              rows.values.size(1), *rows.columns, graph, &graph.edges);
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
