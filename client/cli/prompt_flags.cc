#include "client/cli/prompt_flags.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "model/checkpoint/file_io.h"

namespace cajal::cli {
namespace {

constexpr int64_t kMaxFileBytes = 256
                                  << 20;  // against a file named by mistake; the server has limits

absl::StatusOr<std::string> ReadInput(const std::string& flag, const std::string& path) {
  absl::StatusOr<std::string> bytes = checkpoint::ReadFile(path, kMaxFileBytes);
  if (!bytes.ok()) {
    return UsageError(absl::StrCat(flag, ": ", std::string(bytes.status().message())));
  }
  return bytes;
}

absl::StatusOr<std::vector<int64_t>> ParseTokenFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadInput("--tokens", path);
  if (!text.ok()) return text.status();
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto is_integer = [](const nlohmann::json& item) { return item.is_number_integer(); };
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), is_integer)) {
    return UsageError(
        absl::StrCat("--tokens: ", path, " must hold a JSON list of integers, as [2, 483, 283]"));
  }
  return json.get<std::vector<int64_t>>();
}

absl::StatusOr<std::vector<client::Image>> ReadImages(const std::string& flag,
                                                      const std::vector<std::string>& paths) {
  std::vector<client::Image> images;
  for (const std::string& path : paths) {
    absl::StatusOr<std::string> bytes = ReadInput(flag, path);
    if (!bytes.ok()) return bytes.status();
    images.push_back({*std::move(bytes)});
  }
  return images;
}

std::vector<client::PromptPart> PartsOf(const std::string& text,
                                        std::vector<client::Image> images) {
  std::vector<client::PromptPart> parts;
  parts.reserve(images.size() + 1);
  for (client::Image& image : images) parts.push_back({.text = {}, .image = std::move(image)});
  parts.push_back({.text = text, .image = {}});
  return parts;
}

}  // namespace

void AddPromptFlags(CLI::App* app, PromptFlags* flags) {
  flags->prompt_option = app->add_option(
      "--prompt", flags->prompt,
      "The text, UTF-8. `<start_of_image>` stands where an image goes; without it the images go "
      "before the text");
  flags->tokens_option =
      app->add_option("--tokens", flags->tokens,
                      "Instead of --prompt: token ids as ID,ID,… with BOS and the runs of image "
                      "tokens, or @FILE with a JSON list of them")
          ->type_name("IDS");
  app->add_option("--image", flags->images,
                  "A PNG, JPEG or WebP file; repeat the flag for more, in the order of the prompt")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app->add_flag("--chat", flags->chat, "The prompt is what the user says in a chat");
  app->add_option("--assistant-prefix", flags->assistant_prefix,
                  "Text that the model is taken to have begun its answer with");
  app->add_flag("--pan-and-scan", flags->pan_and_scan,
                "Also give the model crops of wide or tall images");
}

absl::StatusOr<std::vector<int64_t>> ParseTokens(const std::string& tokens) {
  if (!tokens.empty() && tokens.front() == '@') return ParseTokenFile(tokens.substr(1));
  std::vector<int64_t> ids;
  for (const auto& piece : absl::StrSplit(tokens, ',')) {
    int64_t id = 0;
    if (!absl::SimpleAtoi(piece, &id)) {
      return UsageError(absl::StrCat("--tokens: '", piece,
                                     "' is no integer; give ID,ID,… or @FILE with a JSON list"));
    }
    ids.push_back(id);
  }
  return ids;
}

absl::StatusOr<client::Prompt> ReadPrompt(const std::string& flag, const std::string& text,
                                          const std::vector<std::string>& images) {
  absl::StatusOr<std::vector<client::Image>> read = ReadImages(flag, images);
  if (!read.ok()) return read.status();
  return client::Prompt{.parts = PartsOf(text, *std::move(read))};
}

absl::StatusOr<client::Prompt> MakeImagePrompt(const PromptFlags& flags) {
  absl::StatusOr<std::vector<client::Image>> images = ReadImages("--image", flags.images);
  if (!images.ok()) return images.status();
  client::Prompt prompt;
  prompt.pan_and_scan = flags.pan_and_scan;
  for (client::Image& image : *images) {
    prompt.parts.push_back({.text = {}, .image = std::move(image)});
  }
  return prompt;
}

absl::StatusOr<client::Prompt> MakePrompt(const PromptFlags& flags) {
  const bool has_prompt = flags.prompt_option->count() > 0;
  const bool has_tokens = flags.tokens_option->count() > 0;
  if (has_prompt == has_tokens) {
    return UsageError(has_prompt ? "give either --prompt or --tokens, not both"
                                 : "give the prompt with --prompt TEXT or --tokens ID,ID,…");
  }
  if (has_tokens && (flags.chat || !flags.assistant_prefix.empty())) {
    return UsageError("--chat and --assistant-prefix go with --prompt, not with --tokens");
  }
  absl::StatusOr<std::vector<client::Image>> images = ReadImages("--image", flags.images);
  if (!images.ok()) return images.status();

  client::Prompt prompt;
  prompt.assistant_prefix = flags.assistant_prefix;
  prompt.pan_and_scan = flags.pan_and_scan;
  if (has_tokens) {
    absl::StatusOr<std::vector<int64_t>> ids = ParseTokens(flags.tokens);
    if (!ids.ok()) return ids.status();
    prompt.token_ids = *std::move(ids);
    prompt.images = *std::move(images);
    return prompt;
  }
  std::vector<client::PromptPart> parts = PartsOf(flags.prompt, *std::move(images));
  if (flags.chat) {
    prompt.turns.push_back({.role = client::Role::kUser, .parts = std::move(parts)});
  } else {
    prompt.parts = std::move(parts);
  }
  return prompt;
}

}  // namespace cajal::cli
