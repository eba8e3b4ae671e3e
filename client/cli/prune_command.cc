#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"
#include "client/cli/node_text.h"
#include "client/cli/output_flag.h"
#include "client/cli/prune_flags.h"

namespace cajal::cli {
namespace {

struct PruneCommandFlags {
  std::string id;
  PruneFlags prune;
  int32_t top = 10;
  std::string output;
  bool json = false;
};

constexpr const char* kKinds[] = {"feature", "error", "token", "logit"};

// The features and errors that are left, most influential first.
std::vector<client::Node> Strongest(const client::Graph& graph, int32_t top) {
  std::vector<client::Node> nodes;
  for (const client::Node& node : graph.nodes) {
    if (node.kind == client::NodeKind::kFeature || node.kind == client::NodeKind::kError) {
      nodes.push_back(node);
    }
  }
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const auto& a, const auto& b) { return a.influence > b.influence; });
  nodes.resize(std::min(nodes.size(), static_cast<size_t>(top)));
  return nodes;
}

// "102 features, 90 errors, 24 tokens, 10 logits".
std::string KindsText(const client::Graph& graph) {
  std::map<client::NodeKind, int64_t> counts;
  for (const client::Node& node : graph.nodes) ++counts[node.kind];
  std::string text;
  for (const auto& [kind, count] : counts) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", CountText(count), " ",
                    kKinds[static_cast<int>(kind)], count == 1 ? "" : "s");
  }
  return text;
}

void Print(const client::Graph& graph, int32_t top, std::ostream* out) {
  const client::GraphInfo& info = graph.info;
  WriteTable(
      {{"graph", ResourceId(info.name)},
       {"nodes", absl::StrCat(CountText(info.n_nodes), ", ", CountText(graph.n_kept_nodes),
                              " kept ", NodePruningText(graph.prune), ": ", KindsText(graph))},
       {"edges", absl::StrCat(CountText(info.n_edges), ", ", CountText(graph.n_kept_edges),
                              " kept ", EdgePruningText(graph.prune))},
       {"before", absl::StrFormat("replacement %.4f, completeness %.4f", info.replacement_score,
                                  info.completeness_score)},
       {"after", absl::StrFormat("replacement %.4f, completeness %.4f",
                                 graph.kept_replacement_score, graph.kept_completeness_score)}},
      out);
  if (top == 0) return;
  const bool several_pictures = std::any_of(graph.image_spans.begin(), graph.image_spans.end(),
                                            [](const auto& span) { return span.image > 0; });
  std::vector<std::vector<std::string>> rows = {{"influence", "activation", "node", "id"}};
  for (const client::Node& node : Strongest(graph, top)) {
    const client::PathNode words = WordsFor(graph, node);
    rows.push_back(
        {absl::StrFormat("%.4f", node.influence),
         node.kind == client::NodeKind::kError ? "-" : absl::StrFormat("%.4g", node.activation),
         NodeText(words, nullptr, several_pictures), words.id});
  }
  *out << "\n";
  WriteTable(rows, out);
}

Json NodesJson(const client::Graph& graph) {
  Json json = Json::array();
  for (const client::Node& node : graph.nodes) {
    json.push_back({{"id", WordsFor(graph, node).id},
                    {"kind", kKinds[static_cast<int>(node.kind)]},
                    {"layer", node.layer},
                    {"position", node.position},
                    {"index", node.index},
                    {"influence", node.influence},
                    {"activation", node.activation}});
  }
  return json;
}

absl::Status RunPrune(const PruneCommandFlags& flags, Session& session) {
  const std::string name = ResourceName("graphs", flags.id);
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();
  const absl::StatusOr<client::Graph> graph = session.client->PruneGraph(
      {.name = name, .prune = flags.prune.options()}, session.CallOptions());
  if (!graph.ok()) return graph.status();
  if (output->has_value()) {
    const absl::Status status = ExportTo(**output, {.name = name, .prune = graph->prune}, session);
    if (!status.ok()) return status;
  }
  if (flags.json) {
    Json json = GraphJson(*graph);
    json["kept"] = NodesJson(*graph);
    json["output"] = flags.output;
    *session.console.out << JsonText(json) << "\n";
    return absl::OkStatus();
  }
  Print(*graph, flags.top, session.console.out);
  if (output->has_value()) *session.console.out << "\nwritten to " << flags.output << "\n";
  return absl::OkStatus();
}

}  // namespace

Command AddPruneCommand(CLI::App* cajal) {
  auto flags = std::make_shared<PruneCommandFlags>();
  CLI::App* app = cajal->add_subcommand("prune", "The part of a stored graph that matters");
  app->description(
      "The part of a stored graph that matters, with the scores before and after. The stored "
      "graph\n"
      "stays complete. Scores after are those of what is left, as if it were the whole graph.\n"
      "\n"
      "  cajal prune ID --step image --step influence=0.8,0.98    image positions, then the rule\n"
      "  cajal prune ID --step weight=0.01 --step top=10          no weak edges, 10 into each "
      "node");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  AddPruneFlags(app, &flags->prune);
  AddPruneIdFlags(app, &flags->prune);
  app->add_option("--top", flags->top, "Most influential features and errors to show; 0 = none")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  app->add_option("--output", flags->output,
                  "JSON file for what is left, in circuit-tracer's format")
      ->type_name("FILE");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunPrune(*flags, session); }};
}

}  // namespace cajal::cli
