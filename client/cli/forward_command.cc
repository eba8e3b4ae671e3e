#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/output_flag.h"
#include "client/cli/prompt_flags.h"
#include "client/cli/session_flags.h"
#include "client/cli/tensor_file.h"
#include "model/checkpoint/safetensors.h"

namespace cajal::cli {
namespace {

struct ForwardFlags {
  PromptFlags prompt;
  std::vector<std::string> hooks;
  int32_t top_k = 10;
  SessionFlags session;
  std::string output;
  bool json = false;
};

Json ForwardJson(const client::ForwardResult& result, const std::string& output) {
  Json tokens = Json::array();
  for (const client::TokenProbability& token : result.top_tokens) {
    tokens.push_back({{"token_id", token.token_id},
                      {"token", token.token},
                      {"logit", token.logit},
                      {"probability", token.probability}});
  }
  Json tensors = Json::object();
  for (const client::Tensor& tensor : result.tensors) tensors[tensor.name] = tensor.shape;
  return {{"top_tokens", tokens},
          {"tensors", tensors},
          {"output", output},
          {"seconds", result.seconds},
          {"phases", PhasesJson(result.phases)}};
}

void PrintForward(const client::ForwardResult& result, const std::string& output,
                  std::ostream* out) {
  std::vector<std::vector<std::string>> rows = {{"next token", "id", "logit", "probability"}};
  for (const client::TokenProbability& token : result.top_tokens) {
    rows.push_back({Quoted(token.token), absl::StrCat(token.token_id),
                    absl::StrFormat("%.4f", token.logit),
                    absl::StrFormat("%.4f", token.probability)});
  }
  WriteTable(rows, out);
  *out << "\n" << SecondsText(result.seconds) << ": " << PhasesText(result.phases) << "\n";
  if (output.empty()) return;
  *out << "\n" << output << ":\n";
  std::vector<std::vector<std::string>> tensors;
  for (const client::Tensor& tensor : result.tensors) {
    tensors.push_back({"  " + tensor.name, checkpoint::ShapeString(tensor.shape)});
  }
  WriteTable(tensors, out);
}

absl::Status RunForward(const ForwardFlags& flags, Session& session) {
  absl::StatusOr<client::Prompt> prompt = MakePrompt(flags.prompt);
  if (!prompt.ok()) return prompt.status();
  if (!flags.hooks.empty() && flags.output.empty()) {
    return UsageError("--hooks needs --output FILE to write the tensors to");
  }
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();

  absl::StatusOr<client::ForwardResult> result;
  {
    ProgressBar bar(session.console.err, session.console.err_is_terminal);
    result = session.client->Forward({.prompt = *std::move(prompt),
                                      .hooks = flags.hooks,
                                      .top_k = flags.top_k,
                                      .return_logits = output->has_value(),
                                      .session = flags.session.name()},
                                     session.CallOptions(&bar));
  }
  if (!result.ok()) return result.status();
  if (output->has_value()) {
    absl::Status status = (*output)->Write(ToSafetensors(result->tensors));
    if (!status.ok()) return status;
  }
  if (flags.json) {
    *session.console.out << JsonText(ForwardJson(*result, flags.output)) << "\n";
  } else {
    PrintForward(*result, flags.output, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddForwardCommand(CLI::App* cajal) {
  auto flags = std::make_shared<ForwardFlags>();
  CLI::App* app = cajal->add_subcommand(
      "forward", "Run the original model once: most probable next tokens, and any hook points");
  AddPromptFlags(app, &flags->prompt);
  app->add_option("--hooks", flags->hooks,
                  "Hook points to record, NAME,NAME,…; * matches any characters and ? one: "
                  "blocks.3.*,ln_final.hook_out")
      ->delimiter(',');
  app->add_option("--top-k", flags->top_k, "Most probable next tokens to show")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  app->add_option("--output", flags->output,
                  "Safetensors file for `input_ids` [T], the hook points, and `logits` [T, vocab]")
      ->type_name("FILE");
  AddSessionFlag(app, &flags->session);
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunForward(*flags, session); }};
}

}  // namespace cajal::cli
