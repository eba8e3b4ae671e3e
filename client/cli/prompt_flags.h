// The flags of every command that takes a prompt.
//
//   --prompt TEXT | --tokens ID,ID,… | --tokens @FILE,  --image FILE …,  --chat,
//   --assistant-prefix TEXT,  --pan-and-scan
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/prompt.h"

namespace cajal::cli {

struct PromptFlags {
  std::string prompt;
  std::string tokens;
  std::vector<std::string> images;
  bool chat = false;
  std::string assistant_prefix;
  bool pan_and_scan = false;
  // Whether the flags were given; an empty --prompt is something else than none.
  const CLI::Option* prompt_option = nullptr;
  const CLI::Option* tokens_option = nullptr;
};

// Binds the flags to `flags`, which must outlive the parsing.
void AddPromptFlags(CLI::App* app, PromptFlags* flags);

// Reads the files that the flags name. Images without a `<start_of_image>` in the text go before
// it, as in Gemma's chat examples. Errors are usage errors that name the flag and the file.
absl::StatusOr<client::Prompt> MakePrompt(const PromptFlags& flags);

// The prompt of a text and the pictures that go into it. `flag` is the one that names the files.
absl::StatusOr<client::Prompt> ReadPrompt(const std::string& flag, const std::string& text,
                                          const std::vector<std::string>& images);
// The pictures of --image by themselves, for commands that need no text.
absl::StatusOr<client::Prompt> MakeImagePrompt(const PromptFlags& flags);

// "2,483,283" or "@ids.json", a JSON list of integers.
absl::StatusOr<std::vector<int64_t>> ParseTokens(const std::string& tokens);

}  // namespace cajal::cli
