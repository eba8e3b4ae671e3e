#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/output_flag.h"
#include "client/cli/prompt_flags.h"
#include "client/cli/settings_flags.h"

namespace cajal::cli {
namespace {

struct TokenizeFlags {
  PromptFlags prompt;
  client::GraphSettings settings;
  std::string output;
  bool json = false;
};

Json TokenizeJson(const client::TokenizedPrompt& prompt) {
  Json spans = Json::array();
  for (const client::ImageSpan& span : prompt.image_spans) {
    spans.push_back(
        {{"image", span.image}, {"crop", span.crop}, {"begin", span.begin}, {"end", span.end}});
  }
  return {{"token_ids", prompt.token_ids},
          {"token_texts", prompt.token_texts},
          {"image_spans", spans},
          {"text", prompt.text},
          {"graph_estimate",
           {{"bytes", prompt.graph_estimate.bytes},
            {"n_active_features", prompt.graph_estimate.n_active_features},
            {"n_rows", prompt.graph_estimate.n_rows},
            {"operations", prompt.graph_estimate.operations}}}};
}

// One line for each position; a run of image tokens is one line.
void PrintTokens(const client::TokenizedPrompt& prompt, std::ostream* out) {
  std::vector<std::vector<std::string>> rows = {{"position", "id", "token"}};
  size_t next_span = 0;
  for (size_t t = 0; t < prompt.token_ids.size(); ++t) {
    const std::string text = t < prompt.token_texts.size() ? prompt.token_texts[t] : "";
    rows.push_back({absl::StrCat(t), absl::StrCat(prompt.token_ids[t]), Quoted(text)});
    if (next_span == prompt.image_spans.size()) continue;
    const client::ImageSpan& span = prompt.image_spans[next_span];
    if (static_cast<int64_t>(t) != span.begin) continue;
    rows.back()[0] = absl::StrCat(span.begin, "-", span.end - 1);
    rows.back()[2] =
        absl::StrCat("image ", span.image, span.crop < 0 ? "" : absl::StrCat(", crop ", span.crop));
    ++next_span;
    t = static_cast<size_t>(span.end) - 1;
  }
  WriteTable(rows, out);
}

void PrintEstimate(const client::GraphEstimate& estimate, std::ostream* out) {
  *out << "A graph: " << CountText(estimate.n_rows) << " rows over at most "
       << CountText(estimate.n_active_features) << " active features, " << BytesText(estimate.bytes)
       << " of memory, about " << absl::StrFormat("%.2g", estimate.operations / 1e12) << " TFLOP\n";
}

absl::Status RunTokenize(const TokenizeFlags& flags, Session& session) {
  const absl::StatusOr<client::Prompt> prompt = MakePrompt(flags.prompt);
  if (!prompt.ok()) return prompt.status();
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();
  const absl::StatusOr<client::TokenizedPrompt> tokens = session.client->Tokenize(
      {.prompt = *prompt, .settings = flags.settings}, session.CallOptions());
  if (!tokens.ok()) return tokens.status();
  if (output->has_value()) {
    const absl::Status status = (*output)->Write(JsonText(Json(tokens->token_ids)) + "\n");
    if (!status.ok()) return status;
  }
  if (flags.json) {
    *session.console.out << JsonText(TokenizeJson(*tokens)) << "\n";
  } else {
    PrintTokens(*tokens, session.console.out);
    PrintEstimate(tokens->graph_estimate, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddTokenizeCommand(CLI::App* cajal) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* app = cajal->add_subcommand(
      "tokenize", "The token ids that the model reads, and what a graph of them would cost");
  AddPromptFlags(app, &flags->prompt);
  AddSettingsFlags(app, &flags->settings);
  app->add_option("--output", flags->output,
                  "File for the ids, as the JSON list that --tokens @FILE reads")
      ->type_name("FILE");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunTokenize(*flags, session); }};
}

}  // namespace cajal::cli
