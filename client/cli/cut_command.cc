#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/cli/commands.h"
#include "client/cli/edit_flags.h"
#include "client/cli/outcome_text.h"
#include "client/cli/output_flag.h"
#include "client/cli/prompt_flags.h"
#include "client/cli/report_flags.h"
#include "client/cli/tensor_file.h"

namespace cajal::cli {
namespace {

using intervention::CutEdge;
using intervention::CutTarget;
using intervention::EdgeSource;
using intervention::EdgeTarget;
using intervention::SourceKind;
using intervention::TargetKind;

struct CutFlags {
  PromptFlags prompt;
  std::vector<std::string> edges;
  RunFlags run;
  ReportFlags report;
  std::string output;
  bool json = false;
};

// "4:-1:17" -> {4, -1, 17}; as many numbers as `n`.
std::optional<std::vector<int32_t>> ParseNumbers(const std::string& text, size_t n) {
  std::vector<int32_t> numbers;
  for (const auto& piece : absl::StrSplit(text, ':')) {
    if (!absl::SimpleAtoi(piece, &numbers.emplace_back())) return std::nullopt;
  }
  return numbers.size() == n ? std::optional(numbers) : std::nullopt;
}

std::optional<EdgeSource> ParseSource(const std::string& text) {
  if (absl::StartsWith(text, "error:")) {
    const auto numbers = ParseNumbers(text.substr(6), 2);
    if (!numbers) return std::nullopt;
    return EdgeSource{
        .kind = SourceKind::kError, .layer = (*numbers)[0], .position = (*numbers)[1]};
  }
  if (absl::StartsWith(text, "token:")) {
    const auto numbers = ParseNumbers(text.substr(6), 1);
    if (!numbers) return std::nullopt;
    return EdgeSource{.kind = SourceKind::kToken, .position = (*numbers)[0]};
  }
  const auto numbers = ParseNumbers(text, 3);
  if (!numbers) return std::nullopt;
  return EdgeSource{.layer = (*numbers)[0], .position = (*numbers)[1], .feature = (*numbers)[2]};
}

std::optional<EdgeTarget> ParseTarget(const std::string& text) {
  if (absl::StartsWith(text, "logit:")) {
    return EdgeTarget{.kind = TargetKind::kLogit, .token = text.substr(6)};
  }
  const auto numbers = ParseNumbers(text, 3);
  if (!numbers) return std::nullopt;
  return EdgeTarget{.layer = (*numbers)[0], .position = (*numbers)[1], .feature = (*numbers)[2]};
}

absl::StatusOr<std::vector<CutEdge>> ParseEdges(const std::vector<std::string>& texts) {
  std::vector<CutEdge> edges;
  for (const std::string& text : texts) {
    const size_t arrow = text.find("->");
    std::optional<EdgeSource> source;
    std::optional<EdgeTarget> target;
    if (arrow != std::string::npos) {
      source = ParseSource(text.substr(0, arrow));
      target = ParseTarget(text.substr(arrow + 2));
    }
    if (!source || !target) {
      return UsageError(absl::StrCat(
          "--edge: must be SOURCE->TARGET; SOURCE is LAYER:POSITION:FEATURE, error:LAYER:POSITION "
          "or token:POSITION, TARGET is LAYER:POSITION:FEATURE or logit:TEXT; got '",
          text, "'"));
    }
    edges.push_back({*source, *target});
  }
  if (!edges.empty()) return edges;
  return UsageError("give the edges with --edge SOURCE->TARGET");
}

std::string TargetText(const EdgeTarget& target) {
  if (target.kind == TargetKind::kLogit) return absl::StrCat("logit ", Quoted(target.token));
  return absl::StrCat(target.layer, ":", target.position, ":", target.feature);
}

void Print(const client::CutResult& result, const CutFlags& flags, std::ostream* out) {
  std::vector<std::vector<std::string>> edges = {{"edge", "direct effect"}};
  for (size_t i = 0; i < result.weights.size(); ++i) {
    edges.push_back({flags.edges[i], absl::StrFormat("%+.5f", result.weights[i])});
  }
  WriteTable(edges, out);
  *out << "\n";
  std::vector<std::vector<std::string>> targets = {{"target", "clean", "cut", "activation"}};
  for (const CutTarget& target : result.targets) {
    const bool is_feature = target.target.kind == TargetKind::kFeature;
    targets.push_back({TargetText(target.target), absl::StrFormat("%.5f", target.clean),
                       absl::StrFormat("%.5f", target.cut),
                       is_feature ? absl::StrFormat("%.5f -> %.5f", target.clean_activation,
                                                    target.cut_activation)
                                  : "-"});
  }
  WriteTable(targets, out);
  *out << "\n";
  PrintOutcome(result.effect.sets[0], out);
  *out << "\n"
       << SecondsText(result.effect.seconds) << ": " << PhasesText(result.effect.phases) << "\n";
  if (!flags.output.empty()) *out << "\n" << flags.output << ": logits clean.logits\n";
}

Json ResultJson(const client::CutResult& result, const CutFlags& flags) {
  Json edges = Json::array();
  for (size_t i = 0; i < result.weights.size(); ++i) {
    edges.push_back({{"edge", flags.edges[i]}, {"weight", result.weights[i]}});
  }
  Json targets = Json::array();
  for (const CutTarget& target : result.targets) {
    Json json = {
        {"target", TargetText(target.target)}, {"clean", target.clean}, {"cut", target.cut}};
    if (target.target.kind == TargetKind::kFeature) {
      json["clean_activation"] = target.clean_activation;
      json["cut_activation"] = target.cut_activation;
    }
    targets.push_back(std::move(json));
  }
  return {{"edges", edges},
          {"targets", targets},
          {"effect", OutcomeJson(result.effect.sets[0])},
          {"output", flags.output},
          {"seconds", result.effect.seconds},
          {"phases", PhasesJson(result.effect.phases)}};
}

absl::Status RunCut(const CutFlags& flags, Session& session) {
  client::CutRequest request;
  absl::StatusOr<client::Prompt> prompt = MakePrompt(flags.prompt);
  if (!prompt.ok()) return prompt.status();
  request.prompt = *std::move(prompt);
  absl::StatusOr<std::vector<CutEdge>> edges = ParseEdges(flags.edges);
  if (!edges.ok()) return edges.status();
  request.edges = *std::move(edges);
  const absl::StatusOr<intervention::RunSettings> settings = MakeRunSettings(flags.run);
  if (!settings.ok()) return settings.status();
  request.settings = *settings;
  absl::StatusOr<intervention::Report> report = MakeReport(flags.report);
  if (!report.ok()) return report.status();
  request.report = *std::move(report);
  request.report.return_logits = !flags.output.empty();
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();

  absl::StatusOr<client::CutResult> result;
  {
    ProgressBar bar(session.console.err, session.console.err_is_terminal);
    result = session.client->CutEdges(request, session.CallOptions(&bar));
  }
  if (!result.ok()) return result.status();
  if (output->has_value()) {
    for (client::Tensor& tensor : result->effect.tensors) {
      if (tensor.name == "0.logits") tensor.name = "logits";
    }
    absl::Status status = (*output)->Write(ToSafetensors(result->effect.tensors));
    if (!status.ok()) return status;
  }
  if (flags.json) {
    *session.console.out << JsonText(ResultJson(*result, flags)) << "\n";
  } else {
    Print(*result, flags, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddCutCommand(CLI::App* cajal) {
  auto flags = std::make_shared<CutFlags>();
  CLI::App* app = cajal->add_subcommand(
      "cut", "Remove the direct effect of sources on targets, and see what follows");
  AddPromptFlags(app, &flags->prompt);
  app->add_option("--edge", flags->edges,
                  "SOURCE->TARGET to cut, in quotes; repeat for more. SOURCE is "
                  "LAYER:POSITION:FEATURE, error:LAYER:POSITION or token:POSITION; TARGET is "
                  "LAYER:POSITION:FEATURE or logit:TEXT")
      ->type_name("EDGE")
      ->allow_extra_args(false);
  AddRunFlags(app, &flags->run);
  AddReportFlags(app, &flags->report);
  app->add_option("--output", flags->output,
                  "Safetensors file for `logits` and `clean.logits`, [T, vocab]")
      ->type_name("FILE");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunCut(*flags, session); }};
}

}  // namespace cajal::cli
