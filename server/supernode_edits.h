// Edits of supernodes written out as edits of their features. No gRPC; any thread but gRPC's:
// AddSupernodes reads the disk.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/engine.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"
#include "model/tokenizer/prompt.h"
#include "server/edit_conversion.h"
#include "server/graph_archive.h"
#include "server/opened_graphs.h"

namespace cajal::server {

// The features of `edit.supernode`, in the graph's order; at edit.positions each feature once.
// `supernodes` are the graph's. INVALID_ARGUMENT names a field below edit.field: a supernode that
// the graph does not have or that has no features, and PROMPT_DIFFERS when the features' own
// positions are meant, but `prompt` has other tokens than the graph.
absl::StatusOr<std::vector<intervention::FeatureEdit>> FeatureEditsOf(
    const SupernodeEdit& edit, const graph::AttributionGraph& graph,
    const graph::SupernodeForest& supernodes, const tokenizer::TokenizedPrompt& prompt);

// Reads the graphs and adds the edits to the sets that they belong to. Errors besides those above:
// NOT_FOUND; OTHER_MODEL for a graph that is not of the model of `info`.
absl::Status AddSupernodes(const std::vector<SupernodeEdit>& supernodes,
                           const tokenizer::TokenizedPrompt& prompt, const EngineInfo& info,
                           OpenedGraphs* opened, const GraphArchive& graphs,
                           std::vector<intervention::EditSet>* sets);

}  // namespace cajal::server
