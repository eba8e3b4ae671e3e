// Flags and printing that the commands about graphs share.
#pragma once

#include <CLI/CLI.hpp>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/output_file.h"
#include "client/cpp/graph.h"

namespace cajal::cli {

// --node-threshold, --edge-threshold.
struct PruneFlags {
  double node_threshold = 0.8;
  double edge_threshold = 0.98;

  [[nodiscard]] client::PruneOptions options() const { return {node_threshold, edge_threshold}; }
};
void AddPruneFlags(CLI::App* app, PruneFlags* flags);

// What --json prints of a graph: id, nodes, edges (both before pruning), active_features, scores,
// additivity, seconds, phases, logits and more. `kept_nodes` and `kept_edges` with a view that
// prunes.
Json GraphJson(const client::Graph& graph);
Json GraphJson(const client::GraphInfo& info);

// The same for people: targets with probabilities or weights, sizes, scores, seconds by phase.
void PrintGraph(const client::Graph& graph, std::ostream* out);

// Writes a stored graph to `file` in `format`. An error says where the graph still lies.
absl::Status ExportTo(const OutputFile& file, const client::ExportGraphRequest& request,
                      Session& session);

}  // namespace cajal::cli
