#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/cli/commands.h"
#include "client/cli/edit_flags.h"
#include "client/cli/flag_checks.h"
#include "client/cli/outcome_text.h"
#include "client/cli/output_flag.h"
#include "client/cli/prompt_flags.h"
#include "client/cli/report_flags.h"
#include "client/cli/session_flags.h"
#include "client/cli/tensor_file.h"
#include "model/checkpoint/file_io.h"

namespace cajal::cli {
namespace {

using intervention::FeaturePlace;
using intervention::PositionMapKind;

constexpr int64_t kMaxFileBytes = 64 << 20;
constexpr size_t kShownFeatures = 20;

struct PatchFlags {
  PromptFlags prompt;
  DonorFlags donor;
  std::string features;
  std::string layers;
  std::string supernode;
  std::string top;
  std::string difference;
  std::string suppress;
  std::string map = "same";
  std::vector<float> strengths = {1};
  bool by_layer = false;
  bool reverse = false;
  RunFlags run;
  ReportFlags report;
  SessionFlags session;
  std::string output;
  bool json = false;
};

// A file with a JSON list of such texts, or the texts themselves.
absl::StatusOr<std::vector<std::string>> PlaceTexts(const std::string& flag,
                                                    const std::string& value) {
  if (ParseFeaturePlace(value.substr(0, value.find(','))).has_value()) {
    return std::vector<std::string>(absl::StrSplit(value, ','));
  }
  const absl::StatusOr<std::string> text = checkpoint::ReadFile(value, kMaxFileBytes);
  if (!text.ok()) {
    return UsageError(absl::StrCat(flag,
                                   ": neither LAYER:POSITION:FEATURE,… nor a file that can "
                                   "be read: ",
                                   std::string(text.status().message())));
  }
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto is_text = [](const nlohmann::json& item) { return item.is_string(); };
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), is_text)) {
    return UsageError(absl::StrCat(flag, ": ", value,
                                   R"( must hold a JSON list like ["4:-1:17", "5:image0:3"])"));
  }
  return json.get<std::vector<std::string>>();
}

absl::StatusOr<std::vector<FeaturePlace>> ParsePlaces(const std::string& flag,
                                                      const std::string& value) {
  std::vector<FeaturePlace> places;
  if (value.empty()) return places;
  const absl::StatusOr<std::vector<std::string>> texts = PlaceTexts(flag, value);
  if (!texts.ok()) return texts.status();
  for (const std::string& text : *texts) {
    const std::optional<FeaturePlace> place = ParseFeaturePlace(text);
    if (!place) {
      return UsageError(
          absl::StrCat(flag, ": must be LAYER:POSITION:FEATURE,… or a file; got '", text, "'"));
    }
    places.push_back(*place);
  }
  return places;
}

// "same", "image", "last", or "5=7,6=8".
absl::StatusOr<intervention::PositionMap> ParseMap(const std::string& value) {
  if (value == "same") return intervention::PositionMap{PositionMapKind::kSame, {}};
  if (value == "image") return intervention::PositionMap{PositionMapKind::kImage, {}};
  if (value == "last") return intervention::PositionMap{PositionMapKind::kLast, {}};
  intervention::PositionMap map{PositionMapKind::kExplicit, {}};
  for (const auto& piece : absl::StrSplit(value, ',')) {
    const std::vector<std::string> ends = absl::StrSplit(piece, '=');
    intervention::PositionPair pair;
    if (ends.size() != 2 || !absl::SimpleAtoi(ends[0], &pair.donor) ||
        !absl::SimpleAtoi(ends[1], &pair.recipient)) {
      return UsageError(absl::StrCat(
          "--map: must be same, image, last, or DONOR=RECIPIENT,… with positions; got '", value,
          "'"));
    }
    map.pairs.push_back(pair);
  }
  return map;
}

// "GRAPH" and "N" of "GRAPH:N"; N is `none` when it is left out.
absl::StatusOr<std::pair<std::string, int32_t>> ParseCounted(const std::string& flag,
                                                             const std::string& value,
                                                             int32_t none) {
  const std::vector<std::string> parts = absl::StrSplit(value, ':');
  int32_t count = none;
  const bool fits = parts.size() <= 2 && !parts[0].empty() &&
                    (parts.size() == 1 || (absl::SimpleAtoi(parts[1], &count) && count >= 1));
  if (fits) return std::pair(parts[0], count);
  return UsageError(absl::StrCat(flag, ": must end with :N, 1 or more; got '", value, "'"));
}

absl::Status AddGraphs(const PatchFlags& flags, client::PatchRequest* request) {
  if (!flags.supernode.empty() && !flags.top.empty()) {
    return UsageError("give either --supernode or --top, not both");
  }
  if (!flags.supernode.empty()) {
    const size_t slash = flags.supernode.find('/');
    if (slash == std::string::npos || slash == 0) {
      return UsageError(
          absl::StrCat("--supernode: must be GRAPH/NAME; got '", flags.supernode, "'"));
    }
    request->graph_features = {.graph = ResourceName("graphs", flags.supernode.substr(0, slash)),
                               .supernode = flags.supernode.substr(slash + 1)};
  }
  if (!flags.top.empty()) {
    const auto top = ParseCounted("--top", flags.top, 10);
    if (!top.ok()) return top.status();
    request->graph_features = {.graph = ResourceName("graphs", top->first), .top = top->second};
  }
  if (!flags.difference.empty()) {
    const auto counted = ParseCounted("--difference", flags.difference, 10);
    if (!counted.ok()) return counted.status();
    const std::vector<std::string> graphs = absl::StrSplit(counted->first, ',');
    if (graphs.size() != 2) {
      return UsageError(absl::StrCat("--difference: must be DONOR_GRAPH,RECIPIENT_GRAPH or with ",
                                     ":N; got '", flags.difference, "'"));
    }
    request->difference = {.donor_graph = ResourceName("graphs", graphs[0]),
                           .recipient_graph = ResourceName("graphs", graphs[1]),
                           .limit = counted->second};
  }
  return absl::OkStatus();
}

absl::StatusOr<client::PatchRequest> MakeRequest(const PatchFlags& flags) {
  client::PatchRequest request;
  absl::StatusOr<client::Prompt> recipient = MakePrompt(flags.prompt);
  if (!recipient.ok()) return recipient.status();
  request.recipient = *std::move(recipient);
  DonorFlags donor_flags = flags.donor;
  if (flags.donor.prompt_option->count() == 0) donor_flags.prompt = flags.prompt.prompt;
  if (flags.donor.prompt_option->count() == 0 && flags.donor.images.empty()) {
    return UsageError(
        "give the donor with --donor-prompt TEXT and --donor-image FILE; without "
        "--donor-prompt its text is that of --prompt");
  }
  absl::StatusOr<client::Prompt> donor =
      ReadPrompt("--donor-image", donor_flags.prompt, donor_flags.images);
  if (!donor.ok()) return donor.status();
  request.donor = *std::move(donor);

  absl::StatusOr<std::vector<FeaturePlace>> features = ParsePlaces("--features", flags.features);
  if (!features.ok()) return features.status();
  request.features = *std::move(features);
  absl::StatusOr<std::vector<FeaturePlace>> suppressed = ParsePlaces("--suppress", flags.suppress);
  if (!suppressed.ok()) return suppressed.status();
  request.suppressed = *std::move(suppressed);
  if (!flags.layers.empty()) {
    const LayerRange range = ParseLayers(flags.layers).value();  // checked by the parser
    request.layers = intervention::LayerRange{range.first, range.last};
  }
  if (absl::Status graphs = AddGraphs(flags, &request); !graphs.ok()) return graphs;
  absl::StatusOr<intervention::PositionMap> map = ParseMap(flags.map);
  if (!map.ok()) return map.status();
  request.map = *std::move(map);
  request.strengths = flags.strengths;
  request.by_layer = flags.by_layer;
  request.reverse = flags.reverse;
  const absl::StatusOr<intervention::RunSettings> settings = MakeRunSettings(flags.run);
  if (!settings.ok()) return settings.status();
  request.settings = *settings;
  absl::StatusOr<intervention::Report> report = MakeReport(flags.report);
  if (!report.ok()) return report.status();
  request.report = *std::move(report);
  request.report.return_logits = !flags.output.empty();
  request.session = flags.session.name();
  request.unclamped_clean_run = flags.session.unclamped_clean_run;
  return request;
}

std::string LayerText(int32_t layer) { return layer < 0 ? "all" : absl::StrCat(layer); }

// One line for each run: the sweep.
void PrintRuns(const std::vector<intervention::PatchRun>& runs,
               const client::InterventionResult& result, std::ostream* out) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "strength", "features", "next token", "p", "was p", "KL"}};
  const auto& tokens =
      result.sets.empty() ? std::vector<intervention::TokenChange>() : result.sets[0].tokens;
  for (const intervention::TokenChange& token : tokens) {
    rows[0].push_back(absl::StrCat("p ", Quoted(token.token)));
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    const intervention::EditSetOutcome& set = result.sets[i];
    std::vector<std::string> row = {LayerText(runs[i].layer), absl::StrCat(runs[i].strength),
                                    absl::StrCat(runs[i].n_features)};
    if (set.edited_top.empty()) {
      row.insert(row.end(), {"-", "-", "-"});
    } else {
      const intervention::TokenChange& top = set.edited_top[0];
      row.insert(row.end(), {Quoted(top.token), absl::StrFormat("%.4f", top.edited.probability),
                             absl::StrFormat("%.4f", top.clean.probability)});
    }
    row.push_back(absl::StrFormat("%.4g", set.kl_divergence));
    for (const intervention::TokenChange& token : set.tokens) {
      row.push_back(absl::StrFormat("%.4f", token.edited.probability));
    }
    rows.push_back(std::move(row));
  }
  WriteTable(rows, out);
}

void PrintFeatures(const std::vector<intervention::PatchedFeature>& features, std::ostream* out) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "feature", "donor at", "recipient at", "donor", "recipient", ""}};
  for (size_t i = 0; i < std::min(features.size(), kShownFeatures); ++i) {
    const intervention::PatchedFeature& f = features[i];
    rows.push_back({absl::StrCat(f.layer), absl::StrCat(f.feature),
                    f.donor_position < 0 ? "-" : absl::StrCat(f.donor_position),
                    absl::StrCat(f.recipient_position), absl::StrFormat("%.4f", f.donor),
                    absl::StrFormat("%.4f", f.recipient), f.is_suppressed ? "set to 0" : ""});
  }
  WriteTable(rows, out);
  if (features.size() > kShownFeatures) {
    *out << "and " << features.size() - kShownFeatures << " more; --json has all\n";
  }
}

void Print(const client::PatchResult& result, const std::string& output, std::ostream* out) {
  PrintFeatures(result.features, out);
  *out << "\n";
  if (result.runs.size() == 1) {
    PrintOutcome(result.recipient.sets[0], out);
  } else {
    PrintRuns(result.runs, result.recipient, out);
  }
  if (result.donor.has_value()) {
    *out << "\nthe recipient's activations in the donor:\n\n";
    PrintRuns(result.runs, *result.donor, out);
  }
  *out << "\n"
       << SecondsText(result.recipient.seconds) << ": " << PhasesText(result.recipient.phases)
       << "\n";
  if (!output.empty()) *out << "\n" << output << ": logits\n";
}

Json RunsJson(const std::vector<intervention::PatchRun>& runs,
              const client::InterventionResult& result) {
  Json json = Json::array();
  for (size_t i = 0; i < runs.size(); ++i) {
    Json run = OutcomeJson(result.sets[i]);
    run["layer"] = runs[i].layer < 0 ? Json() : Json(runs[i].layer);
    run["strength"] = runs[i].strength;
    run["n_features"] = runs[i].n_features;
    json.push_back(std::move(run));
  }
  return json;
}

Json ResultJson(const client::PatchResult& result, const std::string& output) {
  Json features = Json::array();
  for (const intervention::PatchedFeature& f : result.features) {
    features.push_back({{"layer", f.layer},
                        {"feature", f.feature},
                        {"donor_position", f.donor_position},
                        {"recipient_position", f.recipient_position},
                        {"donor", f.donor},
                        {"recipient", f.recipient},
                        {"suppressed", f.is_suppressed}});
  }
  Json json = {{"features", features}, {"runs", RunsJson(result.runs, result.recipient)}};
  if (result.donor.has_value()) json["reverse_runs"] = RunsJson(result.runs, *result.donor);
  json["output"] = output;
  json["seconds"] = result.recipient.seconds;
  json["phases"] = PhasesJson(result.recipient.phases);
  return json;
}

// Of the runs of the recipient, then with "reverse." those of the donor; one run needs no number.
std::vector<client::Tensor> TensorsOf(client::PatchResult* result) {
  std::vector<client::Tensor> tensors = std::move(result->recipient.tensors);
  if (result->donor.has_value()) {
    for (client::Tensor& tensor : result->donor->tensors) {
      tensor.name = "reverse." + tensor.name;
      tensors.push_back(std::move(tensor));
    }
  }
  for (client::Tensor& tensor : tensors) {
    if (result->runs.size() == 1 && tensor.name == "0.logits") tensor.name = "logits";
  }
  return tensors;
}

absl::Status RunPatch(const PatchFlags& flags, Session& session) {
  const absl::StatusOr<client::PatchRequest> request = MakeRequest(flags);
  if (!request.ok()) return request.status();
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();

  absl::StatusOr<client::PatchResult> result;
  {
    ProgressBar bar(session.console.err, session.console.err_is_terminal);
    result = session.client->PatchActivations(*request, session.CallOptions(&bar));
  }
  if (!result.ok()) return result.status();
  if (output->has_value()) {
    absl::Status status = (*output)->Write(ToSafetensors(TensorsOf(&*result)));
    if (!status.ok()) return status;
  }
  if (flags.json) {
    *session.console.out << JsonText(ResultJson(*result, flags.output)) << "\n";
  } else {
    Print(*result, flags.output, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddPatchCommand(CLI::App* cajal) {
  auto flags = std::make_shared<PatchFlags>();
  CLI::App* app = cajal->add_subcommand(
      "patch", "Write a donor's activations into the run of a prompt, the recipient");
  AddPromptFlags(app, &flags->prompt);
  AddDonorFlags(app, &flags->donor);
  app->add_option("--features", flags->features,
                  absl::StrCat("Features to write, LAYER:POSITION:FEATURE,… at positions of the "
                               "donor, or a file with a JSON list of such texts. ",
                               kPositionHelp))
      ->type_name("FILE|PLACE,…");
  app->add_option("--layers", flags->layers,
                  "All features of these layers that are active in either prompt at positions that "
                  "--map pairs")
      ->type_name("A-B")
      ->check(Layers());
  app->add_option("--supernode", flags->supernode,
                  "The features of a supernode of a stored graph of the donor")
      ->type_name("GRAPH/NAME");
  app->add_option("--top", flags->top,
                  "The N features of the largest influence in a stored graph of the donor; 10 "
                  "without :N")
      ->type_name("GRAPH:N");
  app->add_option("--difference", flags->difference,
                  "What two stored graphs differ in: N features that only the donor has are "
                  "written, N that only the recipient has are set to 0; 10 without :N")
      ->type_name("DONOR,RECIPIENT:N");
  app->add_option("--suppress", flags->suppress,
                  "Features set to 0, LAYER:POSITION:FEATURE,… at positions of the recipient, or "
                  "a file")
      ->type_name("FILE|PLACE,…");
  app->add_option("--map", flags->map,
                  "Which positions belong together: same; image (row and column of each picture); "
                  "last; or DONOR=RECIPIENT,…")
      ->type_name("same|image|last|PAIRS")
      ->capture_default_str();
  app->add_option("--strength", flags->strengths,
                  "What the donor's activations are multiplied by; several make a table")
      ->type_name("F,…")
      ->delimiter(',')
      ->capture_default_str();
  app->add_flag("--by-layer", flags->by_layer, "Also write the features of each layer alone");
  app->add_flag("--reverse", flags->reverse,
                "Also write the recipient's activations of the same features into the donor");
  AddRunFlags(app, &flags->run);
  AddReportFlags(app, &flags->report);
  AddSessionFlags(app, &flags->session);
  app->add_option("--output", flags->output,
                  "Safetensors file for `logits` and `clean.logits`, [T, vocab]; with several runs "
                  "`0.logits`, …; of the reverse experiment with `reverse.` before the name")
      ->type_name("FILE");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunPatch(*flags, session); }};
}

}  // namespace cajal::cli
