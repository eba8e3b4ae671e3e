// The flags that say how a graph is pruned, and how a pruning is shown. Shared by the commands
// about graphs.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/format.h"
#include "client/cpp/prune.h"

namespace cajal::cli {

struct PruneFlags {
  // Without any of these the server decides: 0.8 and 0.98, but an imported graph stays as its file
  // has it.
  std::optional<double> node_threshold;
  std::optional<double> edge_threshold;
  std::vector<std::string> steps;  // as ParsePruneStep reads them; then no thresholds
  std::vector<std::string> keep_ids;
  std::vector<std::string> logit_ids;

  [[nodiscard]] client::PruneOptions options() const;
};

// --node-threshold, --edge-threshold, --step.
void AddPruneFlags(CLI::App* app, PruneFlags* flags);
// --keep, --logits: of graphs that are there.
void AddPruneIdFlags(CLI::App* app, PruneFlags* flags);

// A step as --step has it:
//   influence · influence=NODE · influence=NODE,EDGE · weight=MIN · top=N · layers=A-B ·
//   positions=A-B · text · image
// Nothing for any other text.
std::optional<client::PruneStep> ParsePruneStep(const std::string& text);

// The pruning as --step would have it: "0.8" and "0.98" as node_threshold and edge_threshold, or
// "steps": ["weight=0.01", "influence=0.8,0.98"].
void AddPruneJson(const client::PruneOptions& prune, Json* json);

// "0.8" of the nodes, "0.98" of the edges, or "2 steps".
std::string NodePruningText(const client::PruneOptions& prune);
std::string EdgePruningText(const client::PruneOptions& prune);

}  // namespace cajal::cli
