#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/edit_flags.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/prompt_flags.h"
#include "client/cli/report_flags.h"
#include "client/cli/session_flags.h"

namespace cajal::cli {
namespace {

struct GenerateFlags {
  PromptFlags prompt;
  client::GenerateRequest request;  // without prompts and edits
  EditFlags edits;
  RunFlags run;
  DonorFlags donor;
  SessionFlags session;
  bool json = false;
};

const char* ReasonText(client::FinishReason reason) {
  return reason == client::FinishReason::kStopToken ? "stop_token" : "max_new_tokens";
}

Json CandidateJson(const client::TokenProbability& token) {
  return {{"token_id", token.token_id},
          {"token", token.token},
          {"logit", token.logit},
          {"probability", token.probability}};
}

Json SequenceJson(const client::GeneratedSequence& sequence) {
  Json tokens = Json::array();
  for (const client::GeneratedToken& token : sequence.tokens) {
    Json entry = CandidateJson(token.chosen);
    if (!token.top_tokens.empty()) {
      for (const client::TokenProbability& candidate : token.top_tokens) {
        entry["top_tokens"].push_back(CandidateJson(candidate));
      }
    }
    tokens.push_back(std::move(entry));
  }
  Json json = {{"edit_set", nullptr},
               {"label", sequence.label},
               {"sample", sequence.sample},
               {"text", sequence.text},
               {"finish_reason", ReasonText(sequence.finish_reason)},
               {"token_ids", sequence.token_ids},
               {"tokens", std::move(tokens)}};
  if (sequence.edit_set >= 0) json["edit_set"] = sequence.edit_set;
  return json;
}

Json GenerateJson(const client::GenerateResult& result) {
  Json sequences = Json::array();
  for (const client::GeneratedSequence& sequence : result.sequences) {
    sequences.push_back(SequenceJson(sequence));
  }
  return {{"sequences", std::move(sequences)},
          {"n_prompt_positions", result.n_prompt_positions},
          {"seconds", result.seconds},
          {"phases", PhasesJson(result.phases)}};
}

// "24 tokens, ended by ' .'"
std::string EndText(const client::GeneratedSequence& sequence) {
  const std::string count = absl::StrCat(sequence.tokens.size(), " tokens");
  if (sequence.finish_reason == client::FinishReason::kMaxNewTokens || sequence.tokens.empty()) {
    return absl::StrCat(count, ", the most asked for");
  }
  return absl::StrCat(count, ", ended by ", Quoted(sequence.tokens.back().chosen.token));
}

void PrintTopTokens(const client::GeneratedSequence& sequence, std::ostream* out) {
  std::vector<std::vector<std::string>> rows = {{"token", "probability", "candidates"}};
  for (const client::GeneratedToken& token : sequence.tokens) {
    std::string candidates;
    for (const client::TokenProbability& candidate : token.top_tokens) {
      absl::StrAppendFormat(&candidates, "%s%s %.4f", candidates.empty() ? "" : ", ",
                            Quoted(candidate.token), candidate.probability);
    }
    rows.push_back({Quoted(token.chosen.token), absl::StrFormat("%.4f", token.chosen.probability),
                    candidates});
  }
  *out << "\n";
  WriteTable(rows, out);
}

std::string SetTitle(const client::GeneratedSequence& sequence) {
  if (sequence.edit_set < 0) return "clean run";
  return absl::StrCat("edit set ", sequence.edit_set + 1,
                      sequence.label.empty() ? "" : ": " + sequence.label);
}

// Where an edited sequence leaves the clean one of the same random numbers.
std::string DepartureText(const client::GeneratedSequence& clean,
                          const client::GeneratedSequence& edited) {
  const auto [mine, other] = std::mismatch(edited.token_ids.begin(), edited.token_ids.end(),
                                           clean.token_ids.begin(), clean.token_ids.end());
  if (mine == edited.token_ids.end() && other == clean.token_ids.end()) {
    return "the same as the clean run";
  }
  return absl::StrCat("differs from the clean run from token ", mine - edited.token_ids.begin() + 1,
                      " on");
}

// The clean run's sequence with the same random numbers; null when there is none.
const client::GeneratedSequence* CleanOf(const client::GenerateResult& result,
                                         const client::GeneratedSequence& edited) {
  for (const client::GeneratedSequence& sequence : result.sequences) {
    if (sequence.edit_set < 0 && sequence.sample == edited.sample) return &sequence;
  }
  return nullptr;
}

void PrintSequence(const client::GenerateResult& result, const client::GeneratedSequence& sequence,
                   std::ostream* out) {
  const bool has_top = !sequence.tokens.empty() && !sequence.tokens[0].top_tokens.empty();
  if (has_top) PrintTopTokens(sequence, out);
  *out << "\n" << EndText(sequence);
  const client::GeneratedSequence* clean = CleanOf(result, sequence);
  if (sequence.edit_set >= 0 && clean != nullptr) {
    *out << "; " << DepartureText(*clean, sequence);
  }
  *out << "\n";
}

// The text of a single sequence is there already.
void PrintEnd(const client::GenerateResult& result, std::ostream* out) {
  const bool is_single = result.sequences.size() == 1;
  const bool has_sets = !result.sequences.empty() && result.sequences.back().edit_set >= 0;
  const bool has_samples = !result.sequences.empty() && result.sequences.back().sample > 0;
  for (const client::GeneratedSequence& sequence : result.sequences) {
    if (has_sets && sequence.sample == 0) *out << SetTitle(sequence) << "\n";
    if (has_samples) *out << "[" << sequence.sample << "]";
    if (!is_single) *out << sequence.text;
    *out << "\n";
    PrintSequence(result, sequence, out);
    if (!is_single) *out << "\n";
  }
  *out << SecondsText(result.seconds) << ": " << PhasesText(result.phases) << "\n";
}

absl::StatusOr<client::GenerateRequest> MakeRequest(const GenerateFlags& flags) {
  client::GenerateRequest request = flags.request;
  absl::StatusOr<client::Prompt> prompt = MakePrompt(flags.prompt);
  if (!prompt.ok()) return prompt.status();
  request.prompt = *std::move(prompt);
  absl::StatusOr<std::vector<client::EditSet>> sets = MakeEditSets(flags.edits);
  if (!sets.ok()) return sets.status();
  request.edit_sets = *std::move(sets);
  const absl::StatusOr<intervention::RunSettings> settings = MakeRunSettings(flags.run);
  if (!settings.ok()) return settings.status();
  request.settings = *settings;
  absl::StatusOr<std::optional<client::Prompt>> donor = MakeDonor(flags.donor);
  if (!donor.ok()) return donor.status();
  request.donor = *std::move(donor);
  request.session = flags.session.name();
  request.unclamped_clean_run = flags.session.unclamped_clean_run;
  if (request.edit_sets.empty() && request.unclamped_clean_run) {
    request.edit_sets.push_back({.label = flags.session.session});  // the clamps alone
  }
  return request;
}

absl::Status RunGenerate(const GenerateFlags& flags, Session& session) {
  absl::StatusOr<client::GenerateRequest> request = MakeRequest(flags);
  if (!request.ok()) return request.status();

  absl::StatusOr<client::GenerateResult> result;
  bool has_text = false;
  {
    ProgressBar bar(session.console.err, session.console.err_is_terminal);
    // Several sequences would mix.
    if (!flags.json && request->samples == 1 && request->edit_sets.empty()) {
      request->on_token = [&](const client::GeneratedToken& token) {
        bar.End();
        has_text = true;
        *session.console.out << token.text << std::flush;
      };
    }
    result = session.client->Generate(*request, session.CallOptions(&bar));
  }
  if (!result.ok()) {
    if (has_text) *session.console.out << "\n";  // the error gets a line of its own
    return result.status();
  }
  if (flags.json) {
    *session.console.out << JsonText(GenerateJson(*result)) << "\n";
  } else {
    PrintEnd(*result, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddGenerateCommand(CLI::App* cajal) {
  auto flags = std::make_shared<GenerateFlags>();
  CLI::App* app = cajal->add_subcommand(
      "generate",
      "Continue a prompt token by token, and print the tokens as they come; with edits, the clean "
      "run and each edited one side by side");
  AddPromptFlags(app, &flags->prompt);
  client::GenerateRequest& request = flags->request;
  app->add_option("--max-new-tokens", request.max_new_tokens, "Most tokens of each sequence")
      ->type_name("N")
      ->check(AtLeast(1))
      ->capture_default_str();
  app->add_option("--temperature", request.temperature,
                  "Divides the logits before the softmax; 0 = greedy, the most probable token")
      ->type_name("T")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app->add_option("--top-k", request.top_k,
                  "Choose among the N most probable tokens only; 0 = all. Needs --temperature")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  app->add_option(
         "--top-p", request.top_p,
         "Choose among the most probable tokens that together reach this share only. Needs "
         "--temperature")
      ->type_name("P")
      ->check(ShareAboveZero())
      ->capture_default_str();
  app->add_option("--seed", request.seed,
                  "Of the random numbers: the same seed gives the same tokens")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--samples", request.samples,
                  "Sequences side by side, each with random numbers of its own, 1 to 64. Needs "
                  "--temperature")
      ->type_name("N")
      ->check(AtLeast(1))
      ->capture_default_str();
  app->add_option("--stop", request.stop_tokens,
                  "Text of one token that ends a sequence, besides the model's end tokens; repeat "
                  "for several. Mind the leading space: ' Mars'")
      ->type_name("TOKEN");
  app->add_option("--top-tokens", request.top_tokens,
                  "Most probable candidates to show with each token, 0 to 100")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  AddEditFlags(app, &flags->edits);
  AddActivationFlags(app, &flags->run);
  AddDonorFlags(app, &flags->donor);
  AddSessionFlags(app, &flags->session);
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunGenerate(*flags, session); }};
}

}  // namespace cajal::cli
