// What the commands about graphs print, and the file that they write.
#pragma once

#include <CLI/CLI.hpp>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/format.h"
#include "client/cli/output_file.h"
#include "client/cli/prune_flags.h"
#include "client/cpp/graph.h"

namespace cajal::cli {

// What --json prints of a graph: id, nodes, edges (both before pruning), active_features, scores,
// additivity, seconds, phases, logits and more. With a view that prunes also the pruning,
// `kept_nodes`, `kept_edges`, `kept_replacement_score` and `kept_completeness_score`.
Json GraphJson(const client::Graph& graph);
Json GraphJson(const client::GraphInfo& info);

// The same for people: targets with probabilities or weights, sizes, scores, seconds by phase.
void PrintGraph(const client::Graph& graph, std::ostream* out);

// Writes a stored graph to `file` in `format`. An error says where the graph still lies.
absl::Status ExportTo(const OutputFile& file, const client::ExportGraphRequest& request,
                      Session& session);

}  // namespace cajal::cli
