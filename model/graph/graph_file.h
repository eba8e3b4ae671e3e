// A graph as one safetensors container, in two forms that both read back to the same graph, to the
// bit; and without its edges, for those who keep them apart (graph_blocks.h).
//
// The raw form is for users (`cajal graph --raw`): float32 and int64 arrays under the names of
// circuit-tracer's Graph, the unpruned adjacency in coordinate form, and the masks of a pruning.
//   active_features [N, 3] int64 (layer, position, feature) · activation_values [N] f32 ·
//   selected_features [S] int64 · input_tokens [T] int64 · logit_tokens [K] int64 ·
//   logit_probabilities [K] f32 · edge_rows, edge_cols [E] int64 (targets, sources; ascending) ·
//   edge_weights [E] f32 · bias, pre_activations [nodes] f32 · node_influence [nodes] f32 ·
//   node_mask [nodes] u8 · edge_mask [E] u8
// The stored form, in which schema 1 of the store kept graphs, is compact: edge_row_begin [nodes +
// 1] int64 and edge_columns [E] int32 in place of the coordinates, no pruning. All else (texts,
// settings, image runs, additivity) is JSON text under the metadata key `graph`; the raw form has
// `pruning` beside it, the thresholds.
//
// Pure functions; any thread. Whatever is read is checked (graph_check.h) before it is returned.
#pragma once

#include <memory>
#include <string>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/pruning.h"

namespace cajal::graph {

// The raw form. RESOURCE_EXHAUSTED when the disk is full.
absl::Status WriteRawGraph(const std::string& path, const AttributionGraph& graph,
                           const PruningResult& pruning);

// The stored form.
std::string SerializeStoredGraph(const AttributionGraph& graph);

// The stored form without edge_columns and edge_weights.
std::string SerializeWithoutEdges(const AttributionGraph& graph);
// Its inverse: edges.columns and edges.weights are empty, nothing has been checked.
// INVALID_ARGUMENT names the tensor or key.
absl::StatusOr<AttributionGraph> ParseWithoutEdges(std::shared_ptr<const std::string> bytes);

// Either form. Errors are INVALID_ARGUMENT and name the tensor or key; ReadGraph adds the path and
// NOT_FOUND. `name` begins ParseGraph's messages.
absl::StatusOr<AttributionGraph> ReadGraph(const std::string& path);
absl::StatusOr<AttributionGraph> ParseGraph(std::shared_ptr<const std::string> bytes,
                                            const std::string& name);

}  // namespace cajal::graph
