#include "server/prompt_conversion.h"

#include "model/base/status.h"

namespace cajal::server {
namespace {

// Bytes of the UTF-8 sequence that starts at `begin`; 0 = it is malformed (overlong forms,
// surrogates and what lies beyond U+10FFFF included).
size_t ValidSequenceLength(const std::string& text, size_t begin) {
  const auto byte = [&text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto continues = [&byte](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned lead = byte(begin);
  const unsigned second = byte(begin + 1);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4 || !continues(begin + 1)) return 0;
  if (lead < 0xE0) return 2;
  if (!continues(begin + 2)) return 0;
  if (lead < 0xF0) {
    const bool overlong = lead == 0xE0 && second < 0xA0;
    const bool surrogate = lead == 0xED && second >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  const bool overlong = lead == 0xF0 && second < 0x90;
  const bool too_large = lead == 0xF4 && second >= 0x90;
  return overlong || too_large || !continues(begin + 3) ? 0 : 4;
}

absl::StatusOr<std::vector<tokenizer::PromptPart>> PartsFromProto(
    google::protobuf::RepeatedPtrField<v1::PromptPart>* parts, const std::string& field) {
  std::vector<tokenizer::PromptPart> result;
  for (int i = 0; i < parts->size(); ++i) {
    v1::PromptPart& part = *parts->Mutable(i);
    switch (part.part_case()) {
      case v1::PromptPart::kText:
        result.push_back({.text = std::move(*part.mutable_text())});
        break;
      case v1::PromptPart::kImage:
        result.push_back(
            {.image = tokenizer::EncodedImage{std::move(*part.mutable_image()->mutable_data())}});
        break;
      case v1::PromptPart::PART_NOT_SET:
        return InvalidField(FieldItem(field, i), "must hold `text` or `image`");
    }
  }
  return result;
}

absl::StatusOr<std::string> RoleFromProto(v1::Role role, const std::string& field) {
  switch (role) {
    case v1::ROLE_SYSTEM:
      return std::string("system");
    case v1::ROLE_USER:
      return std::string("user");
    case v1::ROLE_ASSISTANT:
      return std::string("assistant");
    default:
      return InvalidField(field, "must be ROLE_SYSTEM, ROLE_USER or ROLE_ASSISTANT");
  }
}

}  // namespace

absl::StatusOr<tokenizer::Prompt> PromptFromProto(v1::Prompt&& proto) {
  const int kinds =
      (proto.parts_size() > 0) + (proto.turns_size() > 0) + (proto.token_ids_size() > 0);
  if (kinds != 1) {
    return InvalidField("prompt", std::string(kinds == 0 ? "is empty" : "is ambiguous") +
                                      "; exactly one of `parts`, `turns` and `token_ids` must "
                                      "have elements");
  }
  if (proto.images_size() > 0 && proto.token_ids_size() == 0) {
    return InvalidField("prompt.images",
                        "goes with `token_ids` only; otherwise images are parts of the prompt");
  }
  tokenizer::Prompt prompt;
  ASSIGN_OR_RETURN(prompt.parts, PartsFromProto(proto.mutable_parts(), "prompt.parts"));
  for (int i = 0; i < proto.turns_size(); ++i) {
    v1::ChatTurn& turn = *proto.mutable_turns(i);
    const std::string field = FieldItem("prompt.turns", i);
    if (turn.parts_size() == 0) return InvalidField(field + ".parts", "must not be empty");
    tokenizer::ChatTurn plain;
    ASSIGN_OR_RETURN(plain.role, RoleFromProto(turn.role(), field + ".role"));
    ASSIGN_OR_RETURN(plain.parts, PartsFromProto(turn.mutable_parts(), field + ".parts"));
    prompt.turns.push_back(std::move(plain));
  }
  prompt.token_ids.assign(proto.token_ids().begin(), proto.token_ids().end());
  for (v1::Image& image : *proto.mutable_images()) {
    prompt.images.push_back({std::move(*image.mutable_data())});
  }
  prompt.assistant_prefix = proto.assistant_prefix();
  prompt.add_generation_prompt =
      proto.has_add_generation_prompt() ? proto.add_generation_prompt() : true;
  prompt.pan_and_scan = proto.pan_and_scan();
  return prompt;
}

absl::Status InPromptField(const absl::Status& status, const std::string& field) {
  const std::string old_field = FieldOf(status);
  const std::string one = "prompt";
  if (old_field.compare(0, one.size(), one) != 0) return status;
  // The message begins with the field, as InvalidField made it.
  const std::string description =
      std::string(status.message()).substr(old_field.size() + std::string(": ").size());
  absl::Status result = InvalidField(field + old_field.substr(one.size()), description);
  if (const std::string reason = ReasonOf(status); !reason.empty()) {
    result = WithReason(std::move(result), reason);
  }
  for (const auto& [key, value] : MetadataOf(status)) {
    result = WithMetadata(std::move(result), key, value);
  }
  return result;
}

v1::TokenizedPrompt ToProto(const tokenizer::TokenizedPrompt& prompt) {
  v1::TokenizedPrompt proto;
  proto.mutable_token_ids()->Add(prompt.token_ids.begin(), prompt.token_ids.end());
  for (const std::string& text : prompt.token_texts) proto.add_token_texts(ToValidUtf8(text));
  for (const tokenizer::ImageSpan& span : prompt.image_spans) {
    v1::ImageSpan* wire = proto.add_image_spans();
    wire->set_image(span.image);
    wire->set_crop(span.crop);
    wire->set_begin(span.begin);
    wire->set_end(span.end);
  }
  proto.set_text(ToValidUtf8(prompt.text));
  return proto;
}

std::string ToValidUtf8(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const size_t length = ValidSequenceLength(text, i);
    if (length == 0) {
      result += "\xEF\xBF\xBD";
      ++i;
    } else {
      result.append(text, i, length);
      i += length;
    }
  }
  return result;
}

}  // namespace cajal::server
