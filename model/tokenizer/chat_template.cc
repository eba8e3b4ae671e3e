#include "model/tokenizer/chat_template.h"

#include "absl/strings/str_cat.h"
#include "model/tokenizer/utf8.h"

namespace cajal::tokenizer {
namespace {

std::string TurnField(size_t index, const char* member) {
  return absl::StrCat("prompt.turns[", index, "].", member);
}

// The text of a leading system turn. As in the template it is not trimmed.
absl::StatusOr<std::string> SystemText(const ChatTurn& turn) {
  std::string text;
  for (const PromptPart& part : turn.parts) {
    if (part.image.has_value()) {
      return InvalidField(TurnField(0, "parts"), "a system turn may hold text only");
    }
    text += part.text;
  }
  return text + "\n\n";
}

}  // namespace

absl::StatusOr<std::string> RenderChat(const std::vector<ChatTurn>& turns,
                                       bool add_generation_prompt, bool mark_images) {
  const size_t first = !turns.empty() && turns.front().role == "system" ? 1 : 0;
  if (turns.size() == first) {
    return InvalidField("prompt.turns", "at least one turn of the user is expected");
  }
  std::string prefix;
  if (first == 1) {
    ASSIGN_OR_RETURN(prefix, SystemText(turns.front()));
  }
  std::string text;
  for (size_t i = first; i < turns.size(); ++i) {
    const ChatTurn& turn = turns[i];
    const bool is_user = turn.role == "user";
    if (!is_user && turn.role != "assistant" && turn.role != "model") {
      return InvalidField(TurnField(i, "role"),
                          "user or assistant is expected; system may be the first turn only");
    }
    if (is_user != ((i - first) % 2 == 0)) {
      return InvalidField(TurnField(i, "role"),
                          "user and assistant must alternate, beginning with user");
    }
    absl::StrAppend(&text, "<start_of_turn>", is_user ? "user" : "model", "\n");
    if (i == first) text += prefix;
    for (const PromptPart& part : turn.parts) {
      text += !part.image.has_value() ? Trim(part.text) : mark_images ? kStartOfImage : "";
    }
    text += "<end_of_turn>\n";
  }
  if (add_generation_prompt) text += "<start_of_turn>model\n";
  return text;
}

}  // namespace cajal::tokenizer
