#include <memory>
#include <optional>

#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"
#include "client/cli/output_flag.h"
#include "client/cli/prompt_flags.h"
#include "client/cli/prune_flags.h"
#include "client/cli/settings_flags.h"
#include "client/cli/target_flags.h"

namespace cajal::cli {
namespace {

// How others choose their features: batch_size * update_interval of them from one ranking.
struct Selection {
  const char* name;
  int32_t max_feature_nodes;
  int32_t batch_size;
  int32_t update_interval;
};
constexpr Selection kSelections[] = {
    {"circuit-tracer-library", 0, 512, 4},  // attribute()
    {"circuit-tracer-cli", 7500, 256, 4},   // `circuit-tracer attribute`; the server's default
    {"neuronpedia", 5000, 48, 1000},        // ranks once, as 48 * 1000 exceeds all its limits
};

struct GraphFlags {
  PromptFlags prompt;
  client::GraphSettings settings;
  std::string selection;
  TargetFlags targets;
  PruneFlags prune;
  std::string output;
  std::string raw;
  std::string html;
  bool json = false;
};

// What the flags say, and where they say nothing what --select-as means.
client::GraphSettings SettingsOf(const GraphFlags& flags) {
  client::GraphSettings settings = flags.settings;
  for (const Selection& selection : kSelections) {
    if (flags.selection != selection.name) continue;
    if (!settings.max_feature_nodes) settings.max_feature_nodes = selection.max_feature_nodes;
    if (!settings.batch_size) settings.batch_size = selection.batch_size;
    if (!settings.update_interval) settings.update_interval = selection.update_interval;
  }
  return settings;
}

absl::StatusOr<client::Graph> CreateGraph(const GraphFlags& flags, client::Prompt prompt,
                                          std::vector<client::Target> targets, Session& session) {
  ProgressBar bar(session.console.err, session.console.err_is_terminal);
  return session.client->CreateGraph({.prompt = std::move(prompt),
                                      .settings = SettingsOf(flags),
                                      .targets = std::move(targets),
                                      .prune = flags.prune.options()},
                                     session.CallOptions(&bar));
}

void PrintPlaces(const GraphFlags& flags, const std::string& id, std::ostream* out) {
  std::vector<std::vector<std::string>> rows;
  if (!flags.output.empty()) rows.push_back({"written", flags.output});
  if (!flags.raw.empty()) rows.push_back({"unpruned", flags.raw});
  if (!flags.html.empty()) rows.push_back({"page", flags.html});
  rows.push_back({"stored", "on the server; `cajal export " + id + "` gets it again"});
  WriteTable(rows, out);
}

absl::Status RunGraph(const GraphFlags& flags, Session& session) {
  absl::StatusOr<client::Prompt> prompt = MakePrompt(flags.prompt);
  if (!prompt.ok()) return prompt.status();
  absl::StatusOr<std::vector<client::Target>> targets = MakeTargets(flags.targets);
  if (!targets.ok()) return targets.status();
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();
  const absl::StatusOr<std::optional<OutputFile>> raw = CheckOutput("--raw", flags.raw);
  if (!raw.ok()) return raw.status();
  const absl::StatusOr<std::optional<OutputFile>> html = CheckOutput("--html", flags.html);
  if (!html.ok()) return html.status();

  const absl::StatusOr<client::Graph> graph =
      CreateGraph(flags, *std::move(prompt), *std::move(targets), session);
  if (!graph.ok()) return graph.status();

  client::ExportGraphRequest request{.name = graph->info.name, .prune = graph->prune};
  if (output->has_value()) {
    absl::Status status = ExportTo(**output, request, session);
    if (!status.ok()) return status;
  }
  if (raw->has_value()) {
    request.format = client::ExportFormat::kSafetensors;
    absl::Status status = ExportTo(**raw, request, session);
    if (!status.ok()) return status;
  }
  if (html->has_value()) {
    request.format = client::ExportFormat::kHtml;
    absl::Status status = ExportTo(**html, request, session);
    if (!status.ok()) return status;
  }
  if (flags.json) {
    Json json = GraphJson(*graph);
    json["output"] = flags.output;
    json["raw"] = flags.raw;
    json["html"] = flags.html;
    *session.console.out << JsonText(json) << "\n";
  } else {
    PrintGraph(*graph, session.console.out);
    PrintPlaces(flags, ResourceId(graph->info.name), session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddGraphCommand(CLI::App* cajal) {
  auto flags = std::make_shared<GraphFlags>();
  CLI::App* app = cajal->add_subcommand(
      "graph", "Compute an attribution graph; it is also stored on the server");
  AddPromptFlags(app, &flags->prompt);
  AddSettingsFlags(app, &flags->settings);
  std::vector<std::string> names;
  for (const Selection& selection : kSelections) names.emplace_back(selection.name);
  app->add_option(
         "--select-as", flags->selection,
         "Defaults of another program for --max-feature-nodes, --batch-size and "
         "--update-interval: circuit-tracer-library (0, 512, 4), circuit-tracer-cli (7500, "
         "256, 4), neuronpedia (5000, 48, 1000: ranks once)")
      ->type_name("NAME")
      ->check(CLI::IsMember(names));
  AddTargetFlags(app, &flags->targets);
  AddPruneFlags(app, &flags->prune);
  app->add_option("--output", flags->output,
                  "JSON file for the pruned graph, in circuit-tracer's format")
      ->type_name("FILE");
  app->add_option("--raw", flags->raw,
                  "Safetensors file for the unpruned graph with the masks of the pruning")
      ->type_name("FILE");
  app->add_option("--html", flags->html,
                  "HTML file for a page to look at the graph, which opens at the thresholds")
      ->type_name("FILE")
      ->excludes(app->get_option("--step"));
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunGraph(*flags, session); }};
}

}  // namespace cajal::cli
