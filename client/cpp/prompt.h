// The one prompt that every call takes, and what the server makes of it.
//
//   Prompt prompt = TextPrompt("The capital of France is");
//   Prompt picture{.parts = {{.text = "This planet is <start_of_image>, called"},
//                            {.image = Image{png_bytes}}}};
//   Prompt chat{.turns = {{.role = Role::kUser, .parts = {{.image = Image{png_bytes}},
//                                                         {.text = "Which planet is this?"}}}}};
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cajal::client {

// An encoded picture file: PNG, JPEG or WebP bytes, as read from disk.
struct Image {
  std::string data;
};

// A piece of a prompt: text, or an image when `image` is set (`text` is then not looked at).
struct PromptPart {
  std::string text = {};  // UTF-8
  std::optional<Image> image = {};
};

enum class Role { kSystem, kUser, kAssistant };

// One turn of a chat. A system turn may only come first; user and assistant alternate.
struct ChatTurn {
  Role role = Role::kUser;
  std::vector<PromptPart> parts = {};
};

// Exactly one of `parts`, `turns` and `token_ids` is non-empty.
//
// An image stands where it is in the list, unless the texts hold `<start_of_image>` placeholders:
// then these name the places, in order, the image parts only bring the pictures, and the two counts
// must be equal.
struct Prompt {
  std::vector<PromptPart> parts = {};
  std::vector<ChatTurn> turns = {};
  // Ids as they are, with BOS if it is wanted and with the runs of image soft tokens; `images`
  // brings one picture per run.
  std::vector<int64_t> token_ids = {};
  std::vector<Image> images = {};

  // Text that the model is taken to have begun its answer with. Not with `token_ids`.
  std::string assistant_prefix = {};
  // With `turns`: end with the opening of the model's turn.
  bool add_generation_prompt = true;
  // Also give the model crops of wide or tall images.
  bool pan_and_scan = false;
};

inline Prompt TextPrompt(const std::string& text) { return Prompt{.parts = {{.text = text}}}; }

// A run of image soft tokens: positions [begin, end).
struct ImageSpan {
  int32_t image = 0;  // index of the picture in the prompt
  int32_t crop = -1;  // -1: the whole picture; 0…: its pan-and-scan crops, row-major
  int32_t begin = 0;
  int32_t end = 0;
};

// What a graph of a prompt would need, before anything is computed.
struct GraphEstimate {
  int64_t bytes = 0;              // beyond the model: an upper bound
  int64_t n_active_features = 0;  // at most; an assumption where transcoders have no k
  int64_t n_rows = 0;             // of selected features and targets
  double operations = 0;          // floating-point, of the rows; within a factor of about two
};

// A prompt as the model reads it. Position t is token_ids[t].
struct TokenizedPrompt {
  std::vector<int64_t> token_ids;
  std::vector<std::string> token_texts;  // each id decoded alone: " capital"
  std::vector<ImageSpan> image_spans;    // by position
  std::string text;                      // all ids decoded together
  GraphEstimate graph_estimate;
};

}  // namespace cajal::client
