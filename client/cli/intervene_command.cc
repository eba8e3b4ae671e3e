#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
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

namespace cajal::cli {
namespace {

struct InterveneFlags {
  PromptFlags prompt;
  EditFlags edits;
  RunFlags run;
  ReportFlags report;
  DonorFlags donor;
  SessionFlags session;
  std::string output;
  bool json = false;
};

absl::StatusOr<client::InterveneRequest> MakeRequest(const InterveneFlags& flags) {
  client::InterveneRequest request;
  absl::StatusOr<client::Prompt> prompt = MakePrompt(flags.prompt);
  if (!prompt.ok()) return prompt.status();
  request.prompt = *std::move(prompt);
  absl::StatusOr<std::vector<client::EditSet>> sets = MakeEditSets(flags.edits);
  if (!sets.ok()) return sets.status();
  if (sets->empty() && flags.session.unclamped_clean_run) {
    sets->push_back({.label = flags.session.session});  // the clamps alone
  }
  if (sets->empty()) {
    return UsageError(
        "give the edits with --set LAYER:POSITION:FEATURE=VALUE, --ablate, --supernode, --hook or "
        "--edits FILE");
  }
  request.edit_sets = *std::move(sets);
  const absl::StatusOr<intervention::RunSettings> settings = MakeRunSettings(flags.run);
  if (!settings.ok()) return settings.status();
  request.settings = *settings;
  absl::StatusOr<intervention::Report> report = MakeReport(flags.report);
  if (!report.ok()) return report.status();
  request.report = *std::move(report);
  request.report.return_logits = !flags.output.empty();
  absl::StatusOr<std::optional<client::Prompt>> donor = MakeDonor(flags.donor);
  if (!donor.ok()) return donor.status();
  request.donor = *std::move(donor);
  request.session = flags.session.name();
  request.unclamped_clean_run = flags.session.unclamped_clean_run;
  return request;
}

// One set's logits need no number.
void NameTensors(client::InterventionResult* result) {
  if (result->sets.size() != 1) return;
  for (client::Tensor& tensor : result->tensors) {
    if (tensor.name == "0.logits") tensor.name = "logits";
  }
}

std::string Title(const client::InterventionResult& result, size_t i) {
  const std::string& label = result.sets[i].label;
  return absl::StrCat("edit set ", i + 1, " of ", result.sets.size(),
                      label.empty() ? "" : ": " + label);
}

void Print(const client::InterventionResult& result, const std::string& output, std::ostream* out) {
  for (size_t i = 0; i < result.sets.size(); ++i) {
    if (result.sets.size() > 1) *out << (i > 0 ? "\n" : "") << Title(result, i) << "\n\n";
    PrintOutcome(result.sets[i], out);
  }
  *out << "\n" << SecondsText(result.seconds) << ": " << PhasesText(result.phases) << "\n";
  if (output.empty()) return;
  *out << "\n" << output << ":";
  for (const client::Tensor& tensor : result.tensors) *out << " " << tensor.name;
  *out << "\n";
}

Json ResultJson(const client::InterventionResult& result, const std::string& output) {
  Json sets = Json::array();
  for (const intervention::EditSetOutcome& set : result.sets) sets.push_back(OutcomeJson(set));
  return {{"position", result.position},
          {"sets", sets},
          {"output", output},
          {"seconds", result.seconds},
          {"phases", PhasesJson(result.phases)}};
}

absl::Status RunIntervene(const InterveneFlags& flags, Session& session) {
  const absl::StatusOr<client::InterveneRequest> request = MakeRequest(flags);
  if (!request.ok()) return request.status();
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();

  absl::StatusOr<client::InterventionResult> result;
  {
    ProgressBar bar(session.console.err, session.console.err_is_terminal);
    result = session.client->Intervene(*request, session.CallOptions(&bar));
  }
  if (!result.ok()) return result.status();
  NameTensors(&*result);
  if (output->has_value()) {
    absl::Status status = (*output)->Write(ToSafetensors(result->tensors));
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

Command AddInterveneCommand(CLI::App* cajal) {
  auto flags = std::make_shared<InterveneFlags>();
  CLI::App* app = cajal->add_subcommand(
      "intervene", "Run a prompt with features changed, and see what becomes of the next token");
  AddPromptFlags(app, &flags->prompt);
  AddEditFlags(app, &flags->edits);
  AddRunFlags(app, &flags->run);
  AddReportFlags(app, &flags->report);
  AddDonorFlags(app, &flags->donor);
  AddSessionFlags(app, &flags->session);
  app->add_option("--output", flags->output,
                  "Safetensors file for `logits` and `clean.logits`, [T, vocab]; with several sets "
                  "`0.logits`, `1.logits`, …")
      ->type_name("FILE");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunIntervene(*flags, session); }};
}

}  // namespace cajal::cli
