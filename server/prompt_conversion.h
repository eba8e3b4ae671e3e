// Prompts between the wire and the plain structs. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cajal/v1/prompt.pb.h"
#include "model/tokenizer/prompt.h"

namespace cajal::server {

// INVALID_ARGUMENT with a field below "prompt" when it is not one prompt: none or several of parts,
// turns and token_ids, an empty part, a turn without a role. The rest is Engine::Prepare's to
// check. Takes the image bytes out of `proto`.
absl::StatusOr<tokenizer::Prompt> PromptFromProto(v1::Prompt&& proto);

// An error about a prompt, whose field begins with "prompt", as one about the prompt in `field`:
// "prompt.parts[0]" in "donor" is "donor.parts[0]".
absl::Status InPromptField(const absl::Status& status, const std::string& field);

v1::TokenizedPrompt ToProto(const tokenizer::TokenizedPrompt& prompt);

// `text` as the `string` fields of the wire must be: bytes that are not UTF-8, as a byte-fallback
// token decoded alone may give, become U+FFFD.
std::string ToValidUtf8(const std::string& text);

}  // namespace cajal::server
