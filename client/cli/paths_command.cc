#include <algorithm>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"

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

// "picture 1, row 2, column 3"; rows and columns from 1, as people count.
std::string PlaceText(const client::ImagePlace& place, bool several_pictures) {
  std::string text = "picture";
  if (several_pictures) absl::StrAppend(&text, " ", place.image + 1);
  if (place.crop >= 0) absl::StrAppend(&text, " crop ", place.crop + 1);
  return absl::StrCat(text, " row ", place.row + 1, " column ", place.column + 1);
}

std::string PositionText(const client::PathNode& node, bool several_pictures) {
  if (node.image_place) return PlaceText(*node.image_place, several_pictures);
  return absl::StrCat(Quoted(node.token), " (", node.position, ")");
}

// A node in words; where it is, only if that differs from the node before.
std::string NodeText(const client::PathNode& node, const client::PathNode* before,
                     bool several_pictures) {
  switch (node.kind) {
    case client::NodeKind::kLogit:
      return Quoted(node.token);
    case client::NodeKind::kToken:
      return PositionText(node, several_pictures);
    case client::NodeKind::kFeature:
    case client::NodeKind::kError:
      break;
  }
  std::string text = node.kind == client::NodeKind::kError
                         ? absl::StrCat("L", node.layer, " error")
                         : absl::StrCat("L", node.layer, " feature ", node.index);
  if (before == nullptr || before->position != node.position) {
    absl::StrAppend(&text, " at ", PositionText(node, several_pictures));
  }
  return text;
}

bool HasSeveralPictures(const std::vector<client::GraphPath>& paths) {
  std::set<int32_t> pictures;
  for (const client::GraphPath& path : paths) {
    for (const client::PathNode& node : path.nodes) {
      if (node.image_place) pictures.insert(node.image_place->image);
    }
  }
  return pictures.size() > 1;
}

void PrintPaths(const std::vector<client::GraphPath>& paths, std::ostream* out) {
  if (paths.empty()) {
    *out << "No path leads there along the edges that pruning keeps; --edge-threshold 1 and "
            "--node-threshold 1 keep all.\n";
    return;
  }
  const bool several_pictures = HasSeveralPictures(paths);
  std::vector<std::vector<std::string>> rows = {{"strength", "path"}};
  for (const client::GraphPath& path : paths) {
    std::string text;
    const client::PathNode* before = nullptr;
    for (const client::PathNode& node : path.nodes) {
      if (before != nullptr) absl::StrAppend(&text, " → ");
      absl::StrAppend(&text, NodeText(node, before, several_pictures));
      before = &node;
    }
    rows.push_back({absl::StrFormat("%+.3g", path.sign * path.strength), text});
  }
  WriteTable(rows, out);
}

Json PathJson(const client::GraphPath& path) {
  static constexpr const char* kKinds[] = {"feature", "error", "token", "logit"};
  Json nodes = Json::array();
  for (const client::PathNode& node : path.nodes) {
    Json json = {{"id", node.id},       {"kind", kKinds[static_cast<int>(node.kind)]},
                 {"layer", node.layer}, {"position", node.position},
                 {"index", node.index}, {"token", node.token}};
    if (node.image_place) {
      json["image_place"] = {{"image", node.image_place->image},
                             {"crop", node.image_place->crop},
                             {"row", node.image_place->row},
                             {"column", node.image_place->column}};
    }
    nodes.push_back(std::move(json));
  }
  return {{"strength", path.strength}, {"sign", path.sign}, {"nodes", nodes}};
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
      "minus says that the path speaks against its target. A position is given by its token and\n"
      "number, or by the row and column of the picture's grid of tokens, from 1; a feature "
      "without\n"
      "one is at the position before it.");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  app->add_option("--from", flags->from,
                  "Where paths begin, ID,ID,… as in the exported JSON: LAYER_FEATURE_POSITION, "
                  "E_TOKEN_POSITION [default: all tokens]")
      ->type_name("IDS")
      ->delimiter(',');
  app->add_option("--to", flags->to, "Where they end [default: the most probable logit]")
      ->type_name("IDS")
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
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunPaths(*flags, session); }};
}

}  // namespace cajal::cli
