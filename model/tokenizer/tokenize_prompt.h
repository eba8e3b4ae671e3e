// From a prompt as the caller gives it to token ids as Gemma3Processor gives them to the model.
//
//   RETURN_IF_ERROR(CheckPrompt(config, prompt));
//   for (const PlacedImage& placed : ImagesOf(prompt)) …       // decode; count pan-and-scan crops
//   ASSIGN_OR_RETURN(auto tokenized,
//                    TokenizePrompt(tokenizer, config, prompt, crops_per_image, max_positions));
//
// Pure functions. Every error is INVALID_ARGUMENT with a field below "prompt".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/checkpoint/config.h"
#include "model/tokenizer/prompt.h"
#include "model/tokenizer/tokenizer.h"

namespace cajal::tokenizer {

// Whether the tokenizer and the config agree on the ids of <bos> and of the image tokens. For
// start-up: an error names the token and both ids.
absl::Status CheckTokenizer(const Tokenizer& tokenizer, const checkpoint::Gemma3Config& config);

// A picture of a prompt and its field there, "prompt.parts[1].image", for errors.
struct PlacedImage {
  const EncodedImage* image = nullptr;
  std::string field;
};
// The pictures of a prompt in the order of their places. They point into `prompt`.
std::vector<PlacedImage> ImagesOf(const Prompt& prompt);

// What can be said without tokenising or decoding: exactly one form, not empty, UTF-8, roles that
// alternate, as many pictures as placeholders (reason IMAGE_COUNT), none for a model without
// vision, ids within the vocabulary.
absl::Status CheckPrompt(const checkpoint::Gemma3Config& config, const Prompt& prompt);

// `crops_per_image`: for each of ImagesOf, how many pan-and-scan crops follow it; 0 for none.
// Each placeholder becomes "\n\n<start_of_image>", mm_tokens_per_image soft tokens and
// "<end_of_image>\n\n" in the text, before tokenising, so that newlines around it merge with these.
// BOS is put in front of text unless it is there; token ids are taken as they are. Besides
// CheckPrompt's errors: PROMPT_TOO_LONG beyond `max_positions`; IMAGE_COUNT when the runs of soft
// tokens are not one per picture and crop, or not mm_tokens_per_image long.
absl::StatusOr<TokenizedPrompt> TokenizePrompt(const Tokenizer& tokenizer,
                                               const checkpoint::Gemma3Config& config,
                                               const Prompt& prompt,
                                               const std::vector<int32_t>& crops_per_image,
                                               int64_t max_positions);

}  // namespace cajal::tokenizer
