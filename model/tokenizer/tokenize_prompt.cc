#include "model/tokenizer/tokenize_prompt.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/tokenizer/chat_template.h"
#include "model/tokenizer/utf8.h"

namespace cajal::tokenizer {
namespace {

using checkpoint::Gemma3Config;

constexpr char kBos[] = "<bos>";
constexpr char kEndOfImage[] = "<end_of_image>";
constexpr char kImageSoftToken[] = "<image_soft_token>";

// Calls visit(part, field) for each part of `parts` and `turns`, in order.
template <typename Visitor>
void ForEachPart(const Prompt& prompt, const Visitor& visit) {
  for (size_t i = 0; i < prompt.parts.size(); ++i) {
    visit(prompt.parts[i], absl::StrCat("prompt.parts[", i, "]"));
  }
  for (size_t i = 0; i < prompt.turns.size(); ++i) {
    for (size_t j = 0; j < prompt.turns[i].parts.size(); ++j) {
      visit(prompt.turns[i].parts[j], absl::StrCat("prompt.turns[", i, "].parts[", j, "]"));
    }
  }
}

int64_t CountPlaceholders(const std::string& text) {
  int64_t n = 0;
  for (size_t at = text.find(kStartOfImage); at != std::string::npos;
       at = text.find(kStartOfImage, at + sizeof(kStartOfImage) - 1)) {
    ++n;
  }
  return n;
}

bool HasPlaceholders(const Prompt& prompt) {
  bool found = CountPlaceholders(prompt.assistant_prefix) > 0;
  ForEachPart(prompt, [&found](const PromptPart& part, const std::string&) {
    found = found || CountPlaceholders(part.text) > 0;
  });
  return found;
}

absl::Status CheckForm(const Prompt& prompt) {
  const int forms = !prompt.parts.empty() + !prompt.turns.empty() + !prompt.token_ids.empty();
  if (forms > 1) {
    return InvalidField("prompt", "exactly one of parts, turns and token_ids may be given");
  }
  if (forms == 0) return InvalidField("prompt", "is empty");
  if (prompt.token_ids.empty() && !prompt.images.empty()) {
    return InvalidField("prompt.images", "may be given with token_ids only");
  }
  if (!prompt.token_ids.empty() && !prompt.assistant_prefix.empty()) {
    return InvalidField("prompt.assistant_prefix", "may not be given with token_ids");
  }
  absl::Status status = IsValidUtf8(prompt.assistant_prefix)
                            ? absl::OkStatus()
                            : InvalidField("prompt.assistant_prefix", "is not valid UTF-8");
  ForEachPart(prompt, [&status](const PromptPart& part, const std::string& field) {
    if (status.ok() && !IsValidUtf8(part.text)) {
      status = InvalidField(field + ".text", "is not valid UTF-8");
    }
    if (status.ok() && part.image.has_value() && !part.text.empty()) {
      status = InvalidField(field, "is text and an image; one of them is expected");
    }
  });
  return status;
}

// The text of `parts` or `turns`, with a placeholder for each picture.
absl::StatusOr<std::string> Render(const Prompt& prompt) {
  const bool mark_images = !HasPlaceholders(prompt);
  std::string text;
  if (!prompt.turns.empty()) {
    ASSIGN_OR_RETURN(text, RenderChat(prompt.turns, prompt.add_generation_prompt, mark_images));
  }
  for (const PromptPart& part : prompt.parts) {
    text += !part.image.has_value() ? part.text : mark_images ? kStartOfImage : "";
  }
  return text + prompt.assistant_prefix;
}

absl::Status CheckText(const Prompt& prompt, const std::string& text, int64_t n_images) {
  if (text.empty()) return InvalidField("prompt", "is empty");
  const int64_t places = CountPlaceholders(text);
  if (places != n_images) {
    return InvalidField(prompt.turns.empty() ? "prompt.parts" : "prompt.turns", "IMAGE_COUNT",
                        absl::StrCat("the text has ", places, " ", kStartOfImage,
                                     " placeholders, but the prompt brings ", n_images, " images"));
  }
  return absl::OkStatus();
}

// The image token may lie beyond the vocabulary: its row is never read.
absl::Status CheckIds(const std::vector<int64_t>& ids, const Gemma3Config& config) {
  const int64_t vocab_size = config.text.vocab_size;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (config.vision.has_value() && ids[i] == config.image_token_id) continue;
    if (ids[i] < 0 || ids[i] >= vocab_size) {
      return InvalidField(absl::StrCat("prompt.token_ids[", i, "]"),
                          absl::StrCat("is ", ids[i], "; the range is 0 to ", vocab_size - 1));
    }
  }
  return absl::OkStatus();
}

// One placeholder with its crops, as Gemma3Processor.replace_image_token writes it.
std::string ImageText(int64_t tokens_per_image, int32_t n_crops) {
  std::string image = absl::StrCat("\n\n", kStartOfImage);
  for (int64_t i = 0; i < tokens_per_image; ++i) image += kImageSoftToken;
  absl::StrAppend(&image, kEndOfImage, "\n\n");
  if (n_crops == 0) return image;
  std::string text = absl::StrCat("Here is the original image ", image,
                                  " and here are some crops to help you see better ", image);
  for (int32_t crop = 1; crop < n_crops; ++crop) absl::StrAppend(&text, " ", image);
  return text;
}

std::string ExpandPlaceholders(const std::string& text, int64_t tokens_per_image,
                               const std::vector<int32_t>& crops_per_image) {
  std::string expanded;
  size_t from = 0;
  for (const int32_t n_crops : crops_per_image) {
    const size_t at = text.find(kStartOfImage, from);
    expanded.append(text, from, at - from);
    expanded += ImageText(tokens_per_image, n_crops);
    from = at + sizeof(kStartOfImage) - 1;
  }
  return expanded.append(text, from);
}

// The runs of soft tokens, one for each picture and crop in order.
absl::StatusOr<std::vector<ImageSpan>> FindSpans(const std::vector<int64_t>& ids,
                                                 const Gemma3Config& config,
                                                 const std::vector<int32_t>& crops_per_image) {
  std::vector<ImageSpan> spans;
  for (int32_t image = 0; image < static_cast<int32_t>(crops_per_image.size()); ++image) {
    for (int32_t crop = -1; crop < crops_per_image[static_cast<size_t>(image)]; ++crop) {
      spans.push_back({image, crop, 0, 0});
    }
  }
  const auto is_soft = [&](int64_t id) { return id == config.image_token_id; };
  size_t n_runs = 0;
  for (auto begin = std::find_if(ids.begin(), ids.end(), is_soft); begin != ids.end();) {
    const auto end = std::find_if_not(begin, ids.end(), is_soft);
    if (end - begin != config.mm_tokens_per_image) {
      return InvalidField(
          "prompt", "IMAGE_COUNT",
          absl::StrCat("the run of image soft tokens at position ", begin - ids.begin(), " has ",
                       end - begin, "; each picture has ", config.mm_tokens_per_image));
    }
    if (n_runs < spans.size()) {
      spans[n_runs].begin = static_cast<int32_t>(begin - ids.begin());
      spans[n_runs].end = static_cast<int32_t>(end - ids.begin());
    }
    ++n_runs;
    begin = std::find_if(end, ids.end(), is_soft);
  }
  if (n_runs != spans.size()) {
    return InvalidField("prompt", "IMAGE_COUNT",
                        absl::StrCat("the ids hold ", n_runs,
                                     " runs of image soft tokens, but the "
                                     "prompt brings ",
                                     spans.size(), " images and crops"));
  }
  return spans;
}

}  // namespace

absl::Status CheckTokenizer(const Tokenizer& tokenizer, const Gemma3Config& config) {
  std::vector<std::pair<const char*, int64_t>> expected = {{kBos, config.bos_token_id}};
  if (config.vision.has_value()) {
    expected.emplace_back(kStartOfImage, config.boi_token_id);
    expected.emplace_back(kEndOfImage, config.eoi_token_id);
    expected.emplace_back(kImageSoftToken, config.image_token_id);
  }
  for (const auto& [text, id] : expected) {
    const std::vector<int64_t> ids = tokenizer.Encode(text);
    if (ids.size() != 1 || ids.front() != id) {
      return absl::InvalidArgumentError(
          absl::StrCat("the tokenizer ",
                       ids.size() == 1 ? absl::StrCat("gives ", text, " the id ", ids.front())
                                       : absl::StrCat("has no token ", text),
                       ", but config.json gives it the id ", id));
    }
  }
  return absl::OkStatus();
}

std::vector<PlacedImage> ImagesOf(const Prompt& prompt) {
  std::vector<PlacedImage> images;
  ForEachPart(prompt, [&images](const PromptPart& part, const std::string& field) {
    if (part.image.has_value()) images.push_back({&*part.image, field + ".image"});
  });
  for (size_t i = 0; i < prompt.images.size(); ++i) {
    images.push_back({&prompt.images[i], absl::StrCat("prompt.images[", i, "]")});
  }
  return images;
}

absl::Status CheckPrompt(const Gemma3Config& config, const Prompt& prompt) {
  RETURN_IF_ERROR(CheckForm(prompt));
  const auto n_images = static_cast<int64_t>(ImagesOf(prompt).size());
  if (n_images > 0 && !config.vision.has_value()) {
    return InvalidField(prompt.token_ids.empty() ? "prompt.parts" : "prompt.images",
                        absl::StrCat("brings ", n_images, " images, but the model is text-only"));
  }
  if (!prompt.token_ids.empty()) return CheckIds(prompt.token_ids, config);
  ASSIGN_OR_RETURN(const std::string text, Render(prompt));
  // To a text-only model a placeholder is a token like any other.
  return config.vision.has_value() || text.empty() ? CheckText(prompt, text, n_images)
                                                   : absl::OkStatus();
}

absl::StatusOr<TokenizedPrompt> TokenizePrompt(const Tokenizer& tokenizer,
                                               const Gemma3Config& config, const Prompt& prompt,
                                               const std::vector<int32_t>& crops_per_image,
                                               int64_t max_positions) {
  RETURN_IF_ERROR(CheckPrompt(config, prompt));
  CAJAL_CHECK(crops_per_image.size() == ImagesOf(prompt).size()) << "one crop count per picture";
  TokenizedPrompt result;
  if (!prompt.token_ids.empty()) {
    result.token_ids = prompt.token_ids;
  } else {
    ASSIGN_OR_RETURN(std::string text, Render(prompt));
    text = ExpandPlaceholders(text, config.mm_tokens_per_image, crops_per_image);
    result.token_ids = tokenizer.Encode(text);
    if (result.token_ids.empty() || result.token_ids.front() != config.bos_token_id) {
      result.token_ids.insert(result.token_ids.begin(), config.bos_token_id);
    }
    RETURN_IF_ERROR(CheckIds(result.token_ids, config));
  }
  if (static_cast<int64_t>(result.token_ids.size()) > max_positions) {
    return InvalidField("prompt", "PROMPT_TOO_LONG",
                        absl::StrCat("has ", result.token_ids.size(), " positions; at most ",
                                     max_positions, " are admitted"));
  }
  if (config.vision.has_value()) {
    ASSIGN_OR_RETURN(result.image_spans, FindSpans(result.token_ids, config, crops_per_image));
  }
  for (const int64_t id : result.token_ids) {
    result.token_texts.push_back(tokenizer.Decode({&id, 1}));
  }
  result.text = tokenizer.Decode(result.token_ids);
  return result;
}

}  // namespace cajal::tokenizer
