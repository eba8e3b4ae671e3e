#include "client/cli/report_flags.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/edit_flags.h"
#include "client/cli/flag_checks.h"
#include "client/cli/prompt_flags.h"

namespace cajal::cli {

void AddReportFlags(CLI::App* app, ReportFlags* flags) {
  app->add_option("--token", flags->tokens,
                  "A token to follow besides the most probable ones, with its leading space; "
                  "repeat for more")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app->add_option("--top-k", flags->top_k, "Most probable next tokens of each run to show")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  app->add_option("--position", flags->position,
                  "Position whose next token is looked at; negative counts from the end")
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--activations", flags->activations,
                  "Features whose activations are compared, LAYER:POSITION:FEATURE,…")
      ->type_name("PLACE,…")
      ->delimiter(',');
  app->add_flag("--all-activations", flags->all_activations,
                "Also show every activation that changed, largest change first");
  app->add_option("--limit", flags->limit, "Most changes that --all-activations shows; 0 = all")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
}

void AddDonorFlags(CLI::App* app, DonorFlags* flags) {
  flags->prompt_option =
      app->add_option("--donor-prompt", flags->prompt,
                      "The donor's text; `<start_of_image>` stands where an image goes")
          ->type_name("TEXT");
  app->add_option("--donor-image", flags->images,
                  "A picture of the donor; repeat for more, in the order of its prompt")
      ->type_name("FILE")
      ->allow_extra_args(false);
}

absl::StatusOr<intervention::Report> MakeReport(const ReportFlags& flags) {
  intervention::Report report{.position = flags.position,
                              .top_k = flags.top_k,
                              .tokens = flags.tokens,
                              .all_changed = flags.all_activations,
                              .limit = flags.limit};
  for (const std::string& text : flags.activations) {
    const std::optional<intervention::FeaturePlace> place = ParseFeaturePlace(text);
    if (!place) {
      return UsageError(
          absl::StrCat("--activations: must be LAYER:POSITION:FEATURE,…; got '", text, "'"));
    }
    report.features.push_back(*place);
  }
  return report;
}

absl::StatusOr<std::optional<client::Prompt>> MakeDonor(const DonorFlags& flags) {
  const bool has_prompt = flags.prompt_option->count() > 0;
  if (!has_prompt && flags.images.empty()) return std::nullopt;
  if (!has_prompt) return UsageError("--donor-image needs --donor-prompt TEXT beside it");
  absl::StatusOr<client::Prompt> prompt = ReadPrompt("--donor-image", flags.prompt, flags.images);
  if (!prompt.ok()) return prompt.status();
  return std::optional<client::Prompt>(*std::move(prompt));
}

}  // namespace cajal::cli
