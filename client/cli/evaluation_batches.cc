#include "client/cli/evaluation_batches.h"

#include <algorithm>
#include <utility>

#include "client/cpp/client_options.h"
#include "client/cpp/evaluation.h"
#include "model/tokenizer/prompt.h"

namespace cajal::cli {
namespace {

constexpr int64_t kFrameBytes = 64;  // of the messages around a text or a picture, and to spare

std::vector<client::PromptPart> ToClient(std::vector<tokenizer::PromptPart> parts) {
  std::vector<client::PromptPart> result;
  for (tokenizer::PromptPart& part : parts) {
    if (part.image.has_value()) {
      result.push_back({.image = client::Image{std::move(part.image->bytes)}});
    } else {
      result.push_back({.text = std::move(part.text)});
    }
  }
  return result;
}

client::Role RoleOf(const std::string& role) {
  if (role == "system") return client::Role::kSystem;
  return role == "user" ? client::Role::kUser : client::Role::kAssistant;
}

client::Prompt ToClient(tokenizer::Prompt prompt) {
  client::Prompt result{.parts = ToClient(std::move(prompt.parts)),
                        .add_generation_prompt = prompt.add_generation_prompt};
  for (tokenizer::ChatTurn& turn : prompt.turns) {
    result.turns.push_back({.role = RoleOf(turn.role), .parts = ToClient(std::move(turn.parts))});
  }
  return result;
}

struct Size {
  int64_t bytes = 0;
  int64_t n_images = 0;
};

void AddSize(const std::vector<client::PromptPart>& parts, Size* size) {
  for (const client::PromptPart& part : parts) {
    const std::string& data = part.image.has_value() ? part.image->data : part.text;
    size->bytes += static_cast<int64_t>(data.size()) + kFrameBytes;
    if (part.image.has_value()) ++size->n_images;
  }
}

Size SizeOf(const client::Prompt& prompt) {
  Size size{.bytes = kFrameBytes};
  AddSize(prompt.parts, &size);
  for (const client::ChatTurn& turn : prompt.turns) {
    size.bytes += kFrameBytes;
    AddSize(turn.parts, &size);
  }
  return size;
}

}  // namespace

BatchLimits BatchLimitsOf(const client::ServerInfo& info) {
  const int64_t side = std::max(info.model.image_size, 1);
  const int64_t bytes_per_image = 3 * side * side * static_cast<int64_t>(sizeof(float));
  return {
      .request_bytes =
          std::min(info.limits.max_request_bytes, client::ClientOptions().max_request_bytes) / 2,
      .n_images = info.limits.budget_bytes / 4 / bytes_per_image};
}

absl::StatusOr<std::vector<client::Prompt>> ReadBatch(const corpus::DataFolder& folder,
                                                      int64_t first, int64_t end,
                                                      const BatchLimits& limits) {
  std::vector<client::Prompt> prompts;
  Size total;
  end = std::min<int64_t>(end, first + client::kMaxEvaluatedPrompts);
  for (int64_t document = first; document < end; ++document) {
    absl::StatusOr<tokenizer::Prompt> read = folder.ReadDocument(document);
    if (!read.ok()) return read.status();
    client::Prompt prompt = ToClient(*std::move(read));
    const Size size = SizeOf(prompt);
    total.bytes += size.bytes;
    total.n_images += size.n_images;
    const bool fits = total.bytes <= limits.request_bytes && total.n_images <= limits.n_images;
    if (!fits && !prompts.empty()) break;
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

}  // namespace cajal::cli
