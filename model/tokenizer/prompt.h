// The one prompt that every call takes: text plus images, in the order they are read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cajal::tokenizer {

// An encoded image file: PNG, JPEG or WebP bytes, as read from disk.
struct EncodedImage {
  std::string bytes;
};

// A piece of a prompt: text, or an image when `image` is set (`text` is then empty).
struct PromptPart {
  std::string text;
  std::optional<EncodedImage> image;
};

// One turn of a chat. Roles "user", "assistant" (or "model"), and a leading "system".
struct ChatTurn {
  std::string role;
  std::vector<PromptPart> parts;
};

// Exactly one of `parts`, `turns` and `token_ids` is non-empty.
//
// Places of images: with `parts` and `turns`, an image part stands where it is in the list, unless
// the text itself holds `<start_of_image>` placeholders. Then these name the places, in order, the
// image parts only bring the pictures, and the two counts must be equal. With `token_ids` the ids
// hold the runs of image soft tokens already, and `images` brings the pictures in order.
struct Prompt {
  std::vector<PromptPart> parts;
  std::vector<ChatTurn> turns;
  std::vector<int64_t> token_ids;
  std::vector<EncodedImage> images;  // with `token_ids` only

  // Text that the model is taken to have begun its answer with; appended after the prompt (after
  // the generation prompt of a chat).
  std::string assistant_prefix;
  // With `turns`: end with the opening of the model's turn.
  bool add_generation_prompt = true;
  // Also give the model crops of wide or tall images; Gemma3Processor's pan and scan.
  bool pan_and_scan = false;
};

// A run of image soft tokens.
struct ImageSpan {
  int32_t image = 0;  // index of the picture in the prompt
  int32_t crop = -1;  // -1: the whole picture; 0…: its crops, row-major
  int32_t begin = 0;  // first position of the run
  int32_t end = 0;    // one past the last
};

// A prompt as the model reads it. Position t of the prompt is token_ids[t].
struct TokenizedPrompt {
  std::vector<int64_t> token_ids;
  std::vector<std::string> token_texts;  // each id decoded alone: " capital", "<start_of_image>"
  std::vector<ImageSpan> image_spans;    // in order of position
  std::string text;                      // all ids decoded, as circuit-tracer's `prompt`

  [[nodiscard]] int32_t n_positions() const { return static_cast<int32_t>(token_ids.size()); }
};

}  // namespace cajal::tokenizer
