#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/edit_flags.h"
#include "client/cli/flag_checks.h"
#include "client/cli/node_text.h"
#include "client/cli/output_flag.h"
#include "client/cli/prompt_flags.h"
#include "client/cli/validation_plot.h"
#include "client/cli/validation_report.h"

namespace cajal::cli {
namespace {

using intervention::SampleBy;

const std::map<std::string, SampleBy> kSampleBy = {{"weight", SampleBy::kWeight},
                                                   {"uniform", SampleBy::kUniform},
                                                   {"largest", SampleBy::kLargest}};

struct ValidateFlags {
  std::string id;
  PromptFlags prompt;
  std::vector<std::string> edges;
  std::vector<std::string> nodes;
  std::optional<int32_t> sample_edges;
  std::optional<int32_t> sample_nodes;
  std::string sample_by = "weight";
  uint64_t seed = 0;
  std::vector<std::string> kinds = {"feature"};
  RunFlags run;
  std::vector<std::string> thresholds;
  double edge_threshold = 0.98;
  bool ablate_errors = false;
  std::string token;
  int32_t worst = 5;
  std::string output;
  std::string plot;
  bool json = false;
};

absl::StatusOr<std::vector<client::EdgeIds>> ParseEdges(const std::vector<std::string>& texts) {
  std::vector<client::EdgeIds> edges;
  for (const std::string& text : texts) {
    const size_t arrow = text.find("->");
    if (arrow == std::string::npos || arrow == 0 || arrow + 2 == text.size()) {
      return UsageError(absl::StrCat(
          "--edge: must be SOURCE->TARGET, two ids of nodes as `cajal paths --json` shows them; "
          "got '",
          text, "'"));
    }
    edges.push_back({text.substr(0, arrow), text.substr(arrow + 2)});
  }
  return edges;
}

// Nothing when no flag asks for a sample.
absl::StatusOr<std::optional<intervention::ValidationSample>> MakeSample(
    const ValidateFlags& flags) {
  const bool lists = !flags.edges.empty() || !flags.nodes.empty();
  if (lists && !flags.sample_edges && !flags.sample_nodes) return std::nullopt;
  intervention::ValidationSample sample;
  // Beside a list, only what was asked for is drawn.
  sample.n_edges = flags.sample_edges.value_or(lists ? 0 : sample.n_edges);
  sample.n_nodes = flags.sample_nodes.value_or(lists ? 0 : sample.n_nodes);
  sample.by = kSampleBy.at(flags.sample_by);
  sample.seed = flags.seed;
  sample.features = false;
  for (const std::string& kind : flags.kinds) {
    sample.features |= kind == "feature";
    sample.errors |= kind == "error";
    sample.tokens |= kind == "token";
  }
  return sample;
}

absl::StatusOr<client::FaithfulnessSettings> MakeFaithfulness(const ValidateFlags& flags) {
  client::FaithfulnessSettings settings{.edge_threshold = flags.edge_threshold,
                                        .ablate_errors = flags.ablate_errors,
                                        .token = flags.token};
  if (flags.thresholds == std::vector<std::string>{"none"}) {
    settings.omit = true;
    return settings;
  }
  for (const std::string& text : flags.thresholds) {
    if (!absl::SimpleAtod(text, &settings.thresholds.emplace_back())) {
      return UsageError(absl::StrCat(
          "--thresholds: must be numbers above 0, to 1, with commas between, or none; got '", text,
          "'"));
    }
  }
  return settings;
}

// Whether any flag says something of the prompt.
bool HasPrompt(const PromptFlags& flags) {
  return flags.prompt_option->count() > 0 || flags.tokens_option->count() > 0 ||
         !flags.images.empty();
}

absl::StatusOr<client::ValidateRequest> MakeRequest(const ValidateFlags& flags) {
  client::ValidateRequest request{.graph = ResourceName("graphs", flags.id), .nodes = flags.nodes};
  if (HasPrompt(flags.prompt)) {
    absl::StatusOr<client::Prompt> prompt = MakePrompt(flags.prompt);
    if (!prompt.ok()) return prompt.status();
    request.prompt = *std::move(prompt);
  }
  absl::StatusOr<std::vector<client::EdgeIds>> edges = ParseEdges(flags.edges);
  if (!edges.ok()) return edges.status();
  request.edges = *std::move(edges);
  const auto sample = MakeSample(flags);
  if (!sample.ok()) return sample.status();
  request.sample = *sample;
  const absl::StatusOr<intervention::RunSettings> settings = MakeRunSettings(flags.run);
  if (!settings.ok()) return settings.status();
  request.settings = *settings;
  absl::StatusOr<client::FaithfulnessSettings> faithfulness = MakeFaithfulness(flags);
  if (!faithfulness.ok()) return faithfulness.status();
  request.faithfulness = *std::move(faithfulness);
  return request;
}

absl::Status RunValidate(const ValidateFlags& flags, Session& session) {
  const absl::StatusOr<client::ValidateRequest> request = MakeRequest(flags);
  if (!request.ok()) return request.status();
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();
  const absl::StatusOr<std::optional<OutputFile>> plot = CheckOutput("--plot", flags.plot);
  if (!plot.ok()) return plot.status();

  absl::StatusOr<client::ValidationResult> result;
  {
    ProgressBar bar(session.console.err, session.console.err_is_terminal);
    result = session.client->ValidateEdges(*request, session.CallOptions(&bar));
  }
  if (!result.ok()) return result.status();
  const std::string json = JsonText(ValidationJson(*result)) + "\n";
  if (output->has_value()) {
    if (absl::Status status = (*output)->Write(json); !status.ok()) return status;
  }
  if (plot->has_value()) {
    const absl::StatusOr<std::string> png = DrawValidation(*result);
    if (!png.ok()) return png.status();
    if (absl::Status status = (*plot)->Write(*png); !status.ok()) return status;
  }
  if (flags.json) {
    *session.console.out << json;
  } else {
    PrintValidation(*result, flags.worst, session.console.out);
  }
  return absl::OkStatus();
}

void AddSampleFlags(CLI::App* app, ValidateFlags* flags) {
  app->add_option(
         "--edge", flags->edges,
         "SOURCE->TARGET in quotes, ids of nodes: 2_17_5->4_118_5; repeat for more. Without "
         "--edge and --nodes a sample is drawn")
      ->type_name("EDGE")
      ->allow_extra_args(false);
  app->add_option("--nodes", flags->nodes,
                  "Nodes whose effects on the logits are looked at. " + NodeSetsHelp())
      ->type_name("SETS")
      ->delimiter(',');
  app->add_option("--sample-edges", flags->sample_edges,
                  "Edges to draw, at most 10000 [default: 100; beside --edge or --nodes: 0]")
      ->type_name("N")
      ->check(AtLeast(0));
  app->add_option("--sample-nodes", flags->sample_nodes,
                  "Nodes to draw, at most 1000 [default: 20; beside --edge or --nodes: 0]")
      ->type_name("N")
      ->check(AtLeast(0));
  app->add_option("--sample-by", flags->sample_by,
                  "weight = edges in proportion to |weight|, nodes to influence; uniform = each "
                  "alike; largest = the largest, not at random")
      ->check(CLI::IsMember(kSampleBy))
      ->capture_default_str();
  app->add_option("--seed", flags->seed, "The same seed draws the same sample")
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--kinds", flags->kinds, "What is drawn to be ablated: feature, error, token")
      ->type_name("KIND,…")
      ->delimiter(',')
      ->check(CLI::IsMember({"feature", "error", "token"}))
      ->capture_default_str();
}

void AddCircuitFlags(CLI::App* app, ValidateFlags* flags) {
  app->add_option(
         "--thresholds", flags->thresholds,
         "Circuits: what pruning keeps with each of these as --node-threshold, above 0, to "
         "1; `none` for no circuits [default: 0.1, 0.2, … 0.9, 0.95]")
      ->type_name("T,…")
      ->delimiter(',');
  app->add_option("--edge-threshold", flags->edge_threshold,
                  "Of the same prunings: share of the edges' scores that is kept")
      ->type_name("F")
      ->check(Share())
      ->capture_default_str();
  app->add_flag("--ablate-errors", flags->ablate_errors,
                "Errors belong to circuits as features do; otherwise they all stay");
  app->add_option("--token", flags->token,
                  "The answer whose probability is watched, with its leading space [default: the "
                  "graph's first logit that is a token]")
      ->type_name("TEXT");
}

}  // namespace

Command AddValidateCommand(CLI::App* cajal) {
  auto flags = std::make_shared<ValidateFlags>();
  CLI::App* app = cajal->add_subcommand(
      "validate", "Compare what a stored graph predicts with runs without its nodes");
  app->description(
      "Ablates nodes of a stored graph and compares what happens with what the graph predicts.\n"
      "frozen: attention, norms and MLP outputs are held fixed, and a change should be minus the\n"
      "edge's weight. unfrozen: the model as it is, against all paths of the graph together.\n"
      "Circuits, what pruning keeps, are run alone (all other features ablated), and the model is\n"
      "run without them; share is the answer's probability, 0 with no feature left and 1 as it "
      "is.\n"
      "A graph with pictures needs its prompt again: graphs do not keep them.");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  AddPromptFlags(app, &flags->prompt);
  AddSampleFlags(app, flags.get());
  AddRunFlags(app, &flags->run);
  AddCircuitFlags(app, flags.get());
  app->add_option("--worst", flags->worst,
                  "Effects to show that are farthest from their prediction")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  app->add_option("--output", flags->output, "JSON file for everything, each effect included")
      ->type_name("FILE");
  app->add_option("--plot", flags->plot,
                  "PNG file for a picture of measured against predicted changes and of the curves")
      ->type_name("FILE");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunValidate(*flags, session); }};
}

}  // namespace cajal::cli
