// The chat template of the instruction-tuned Gemma 3 models, as in their chat_template.jinja.
#pragma once

#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/tokenizer/prompt.h"

namespace cajal::tokenizer {

// Where a picture goes; Gemma3Processor's boi_token.
inline constexpr char kStartOfImage[] = "<start_of_image>";

// The text of a conversation, without the leading <bos>:
//   <start_of_turn>user\n…<end_of_turn>\n<start_of_turn>model\n…<end_of_turn>\n
// A leading system turn is put before the first turn's text, with two newlines. Parts are trimmed
// one by one and joined with nothing between. Image parts write kStartOfImage if `mark_images`,
// else nothing.
//
// INVALID_ARGUMENT names the turn: unknown roles, roles that do not alternate (user first), a
// system turn elsewhere than in front, alone or with an image.
absl::StatusOr<std::string> RenderChat(const std::vector<ChatTurn>& turns,
                                       bool add_generation_prompt, bool mark_images);

}  // namespace cajal::tokenizer
