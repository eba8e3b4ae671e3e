#include <memory>
#include <set>

#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"
#include "client/cli/node_text.h"
#include "client/cli/prune_flags.h"

namespace cajal::cli {
namespace {

struct ConeFlags {
  std::string id;
  std::vector<std::string> from;
  std::vector<std::string> to;
  int32_t max_nodes = 30;
  PruneFlags prune;
  bool json = false;
};

void PrintCone(const client::Cone& cone, std::ostream* out) {
  if (cone.nodes.empty()) {
    *out << "Nothing lies there along the edges that pruning keeps; --edge-threshold 1 and "
            "--node-threshold 1 keep all.\n";
    return;
  }
  std::set<int32_t> pictures;
  for (const client::ConeNode& entry : cone.nodes) AddPictures({entry.node}, &pictures);
  std::vector<std::vector<std::string>> rows = {{"strength", "net", "node", "id"}};
  for (const client::ConeNode& entry : cone.nodes) {
    rows.push_back({absl::StrFormat("%.3g", entry.strength), absl::StrFormat("%+.3g", entry.net),
                    NodeText(entry.node, nullptr, pictures.size() > 1), entry.node.id});
  }
  WriteTable(rows, out);
  if (cone.nodes.size() < static_cast<size_t>(cone.n_nodes)) {
    *out << cone.nodes.size() << " of " << cone.n_nodes << " nodes; --max-nodes shows more.\n";
  }
}

Json ConeJson(const client::Cone& cone) {
  Json nodes = Json::array();
  for (const client::ConeNode& entry : cone.nodes) {
    Json json = NodeJson(entry.node);
    json["strength"] = entry.strength;
    json["net"] = entry.net;
    nodes.push_back(std::move(json));
  }
  return {{"n_nodes", cone.n_nodes}, {"nodes", nodes}};
}

absl::Status RunCone(const ConeFlags& flags, Session& session) {
  if (flags.from.empty() == flags.to.empty()) {
    return UsageError("either --to or --from says which way the cone opens");
  }
  const bool upstream = flags.from.empty();
  const absl::StatusOr<client::Cone> cone =
      session.client->FindCone({.name = ResourceName("graphs", flags.id),
                                .node_ids = upstream ? flags.to : flags.from,
                                .direction = upstream ? client::ConeDirection::kUpstream
                                                      : client::ConeDirection::kDownstream,
                                .max_nodes = flags.max_nodes,
                                .prune = flags.prune.options()},
                               session.CallOptions());
  if (!cone.ok()) return cone.status();
  if (flags.json) {
    *session.console.out << JsonText(ConeJson(*cone)) << "\n";
  } else {
    PrintCone(*cone, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddConeCommand(CLI::App* cajal) {
  auto flags = std::make_shared<ConeFlags>();
  CLI::App* app =
      cajal->add_subcommand("cone", "What feeds some nodes of a graph, or what they feed");
  app->description(
      "What feeds some nodes of a stored graph (--to), or what they feed (--from), strongest "
      "first.\n"
      "--to: strength is the probability that a walk from the nodes against the edges, each taken\n"
      "with its share of what comes into its target, passes the node. --from: that a walk from "
      "the\n"
      "node comes to the given ones: how much of what feeds the node stems from there. net counts\n"
      "each walk by the product of its edges' signs.");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  app->add_option("--to", flags->to, "The nodes that are fed. " + NodeSetsHelp())
      ->type_name("SETS")
      ->delimiter(',');
  app->add_option("--from", flags->from, "The nodes that feed, in the same words")
      ->type_name("SETS")
      ->delimiter(',');
  app->add_option("--max-nodes", flags->max_nodes, "Most nodes to show, at most 4000")
      ->type_name("N")
      ->check(AtLeast(1))
      ->capture_default_str();
  AddPruneFlags(app, &flags->prune);
  AddPruneIdFlags(app, &flags->prune);
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunCone(*flags, session); }};
}

}  // namespace cajal::cli
