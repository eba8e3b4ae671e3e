#include "client/cli/run_cajal.h"

#include <algorithm>
#include <memory>

#include "client/cli/commands.h"
#include "client/cli/error_text.h"
#include "client/cli/flag_checks.h"

namespace cajal::cli {
namespace {

struct GlobalFlags {
  std::string server = client::ClientOptions().server;
  double timeout_seconds = 0;
};

void AddGlobalFlags(CLI::App* cajal, GlobalFlags* flags) {
  cajal->add_option("--server", flags->server, "The server's HOST:PORT")
      ->envname("CAJAL_SERVER")
      ->capture_default_str();
  cajal
      ->add_option(
          "--timeout", flags->timeout_seconds,
          "Time limit of each call in seconds, waiting in the queue included; 0 = the "
          "command's own: 10 s for info and jobs, 1 min for tokenize and clamp, 10 min for "
          "commands "
          "about stored graphs, "
          "30 min for forward, 1 h for rollout, 6 h for graph, evaluate, intervene, patch, cut "
          "and validate")
      ->type_name("SECONDS")
      ->check(Duration())
      ->capture_default_str();
  cajal->set_config(
      "--config", "",
      "TOML file that sets these names: `server = \"…\"` at the top, a command's flags "
      "below `[graph]` and so on. Flags win over the environment, and that over the file");
  cajal->allow_config_extras(CLI::config_extras_mode::error);
  cajal->set_version_flag("--version", CAJAL_VERSION);
  cajal->footer(
      "Exit codes: 0 done, 1 the server refused or failed, 2 wrong usage.\n"
      "Ctrl-C cancels the work on the server; a second one leaves at once.");
}

// CLI11 prints help and version by way of an exception, as it does errors.
int FinishParse(const CLI::App& cajal, const CLI::ParseError& error, const Console& console) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    cajal.exit(error, *console.out, *console.err);
    return kExitDone;
  }
  const std::vector<CLI::App*> asked = cajal.get_subcommands();
  const std::string command = asked.empty() ? "cajal" : "cajal " + asked.front()->get_name();
  std::string message = error.what();
  if (asked.empty() && !cajal.remaining().empty()) {
    message = "there is no command '" + cajal.remaining().front() + "'";
  }
  *console.err << command << ": " << message << "\nSee " << command << " --help.\n";
  return kExitWrongUsage;
}

int Run(const Command& command, const GlobalFlags& flags, const Console& console) {
  absl::StatusOr<std::unique_ptr<client::Client>> client =
      client::Client::Create({.server = flags.server});
  absl::Status status = client.status();
  if (client.ok()) {
    Session session{.console = console,
                    .client = client->get(),
                    .timeout = absl::Seconds(flags.timeout_seconds)};
    status = command.run(session);
  }
  if (status.ok()) return kExitDone;
  const std::string name = "cajal " + command.app->get_name();
  if (status.code() == absl::StatusCode::kCancelled && console.cancellation->cancelled()) {
    *console.err << name << ": cancelled; the server has been told to stop\n";
    return kExitFailed;
  }
  *console.err << ErrorText(name, flags.server, status);
  return IsUsageError(status) ? kExitWrongUsage : kExitFailed;
}

}  // namespace

int RunCajal(const std::vector<std::string>& arguments, const Console& console) {
  CLI::App cajal("Circuit tracing for vision-language models: asks a running cajald.", "cajal");
  GlobalFlags flags;
  AddGlobalFlags(&cajal, &flags);
  cajal.require_subcommand(1);
  cajal.fallthrough();  // global flags may also stand after the command; subcommands inherit it
  const std::vector<Command> commands = {
      AddInfoCommand(&cajal),     AddTokenizeCommand(&cajal),    AddForwardCommand(&cajal),
      AddGraphCommand(&cajal),    AddGraphsCommand(&cajal),      AddPathsCommand(&cajal),
      AddConeCommand(&cajal),     AddPruneCommand(&cajal),       AddScoreCommand(&cajal),
      AddCompareCommand(&cajal),  AddFoldCommand(&cajal),        AddLabelCommand(&cajal),
      AddPinCommand(&cajal),      AddAnnotationsCommand(&cajal), AddExportCommand(&cajal),
      AddEvaluateCommand(&cajal), AddJobsCommand(&cajal),        AddImportCommand(&cajal),
      AddConvertCommand(&cajal),  AddWatchCommand(&cajal),       AddGenerateCommand(&cajal),
      AddRolloutCommand(&cajal),  AddInterveneCommand(&cajal),   AddPatchCommand(&cajal),
      AddCutCommand(&cajal),      AddValidateCommand(&cajal),    AddClampCommand(&cajal),
  };
  try {
    // CLI11 takes them from the back.
    cajal.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return FinishParse(cajal, error, console);
  }
  const auto asked = std::find_if(commands.begin(), commands.end(),
                                  [](const Command& command) { return command.app->parsed(); });
  return Run(*asked, flags, console);
}

}  // namespace cajal::cli
