#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"
#include "client/cli/node_text.h"
#include "client/cli/prune_flags.h"

namespace cajal::cli {
namespace {

struct PathsFlags {
  std::string id;
  std::vector<std::string> from;
  std::vector<std::string> to;
  int32_t max_paths = 10;
  int32_t min_features = 0;
  PruneFlags prune;
  bool json = false;
};

void PrintPaths(const std::vector<client::GraphPath>& paths, std::ostream* out) {
  if (paths.empty()) {
    *out << "No path leads there along the edges that pruning keeps; --edge-threshold 1 and "
            "--node-threshold 1 keep all.\n";
    return;
  }
  std::set<int32_t> pictures;
  for (const client::GraphPath& path : paths) AddPictures(path.nodes, &pictures);
  const bool several_pictures = pictures.size() > 1;
  std::vector<std::vector<std::string>> rows = {{"strength", "effect", "path"}};
  for (const client::GraphPath& path : paths) {
    std::string text;
    const client::PathNode* before = nullptr;
    for (const client::PathNode& node : path.nodes) {
      if (before != nullptr) absl::StrAppend(&text, " → ");
      absl::StrAppend(&text, NodeText(node, before, several_pictures));
      before = &node;
    }
    rows.push_back({absl::StrFormat("%+.3g", path.sign * path.strength),
                    path.effect ? absl::StrFormat("%+.3g", *path.effect) : "-", text});
  }
  WriteTable(rows, out);
}

Json PathJson(const client::GraphPath& path) {
  Json nodes = Json::array();
  for (const client::PathNode& node : path.nodes) nodes.push_back(NodeJson(node));
  Json json = {{"strength", path.strength}, {"sign", path.sign}, {"effect", nullptr}};
  if (path.effect) json["effect"] = *path.effect;
  json["nodes"] = nodes;
  return json;
}

absl::Status RunPaths(const PathsFlags& flags, Session& session) {
  const absl::StatusOr<std::vector<client::GraphPath>> paths =
      session.client->FindPaths({.name = ResourceName("graphs", flags.id),
                                 .source_ids = flags.from,
                                 .target_ids = flags.to,
                                 .max_paths = flags.max_paths,
                                 .min_features = flags.min_features,
                                 .prune = flags.prune.options()},
                                session.CallOptions());
  if (!paths.ok()) return paths.status();
  if (flags.json) {
    Json json = Json::array();
    for (const client::GraphPath& path : *paths) json.push_back(PathJson(path));
    *session.console.out << JsonText({{"paths", json}}) << "\n";
  } else {
    PrintPaths(*paths, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddPathsCommand(CLI::App* cajal) {
  auto flags = std::make_shared<PathsFlags>();
  CLI::App* app = cajal->add_subcommand("paths", "The strongest paths through a stored graph");
  app->description(
      "The strongest paths through a stored graph, in words.\n"
      "A path's strength is the product of its edges' shares of what comes into their targets; a\n"
      "minus says that the path speaks against its target. Its effect is how much of the target's\n"
      "value came along it, in the unit of a logit (of a feature that is the target: of its\n"
      "pre-activation). A position is given by its token and number, or by the row and column of\n"
      "the picture's grid of tokens, from 1; a feature without one is at the position before it.");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  app->add_option("--from", flags->from,
                  "Where paths begin. " + NodeSetsHelp() + " [default: tokens]")
      ->type_name("SETS")
      ->delimiter(',');
  app->add_option("--to", flags->to,
                  "Where they end, in the same words [default: the most probable logit]")
      ->type_name("SETS")
      ->delimiter(',');
  app->add_option("--max-paths", flags->max_paths, "Most paths to show, at most 1000")
      ->type_name("N")
      ->check(AtLeast(1))
      ->capture_default_str();
  app->add_option("--min-features", flags->min_features,
                  "Only paths with at least so many features: the strongest are short ones, and "
                  "these show the steps in between")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  AddPruneFlags(app, &flags->prune);
  AddPruneIdFlags(app, &flags->prune);
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunPaths(*flags, session); }};
}

}  // namespace cajal::cli
