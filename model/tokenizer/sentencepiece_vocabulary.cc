#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/json.h"
#include "model/tokenizer/sentencepiece_model.h"
#include "model/tokenizer/vocabulary.h"

namespace cajal::tokenizer {
namespace {

using nlohmann::json;

constexpr int64_t kMaxFileBytes = 64 << 20;
constexpr int64_t kMaxId = 1 << 24;

class SentencePieceEncoder : public SegmentEncoder {
 public:
  explicit SentencePieceEncoder(std::unique_ptr<SentencePieceModel> model)
      : model_(std::move(model)) {}
  [[nodiscard]] std::vector<int64_t> Encode(const std::string& text) const override {
    return model_->Encode(text);
  }

 private:
  std::unique_ptr<SentencePieceModel> model_;
};

using TokensById = std::map<int64_t, std::string>;

absl::Status Add(const std::string& path, const json& id, const json& content, TokensById& tokens) {
  const bool id_fits = id.is_number_unsigned() && id.get<uint64_t>() <= uint64_t{kMaxId};
  if (!id_fits || !content.is_string() || content == "") {
    return absl::InvalidArgumentError(absl::StrCat(path,
                                                   ": holds an added token without content or "
                                                   "with an id above ",
                                                   kMaxId));
  }
  tokens.emplace(id.get<int64_t>(), content.get<std::string>());
  return absl::OkStatus();
}

// tokenizer_config.json: {"added_tokens_decoder": {"512": {"content": "<image_soft_token>", …}, …}}
// added_tokens.json:     {"<image_soft_token>": 512}
absl::StatusOr<TokensById> ReadAddedTokens(const std::string& dir) {
  TokensById tokens;
  const std::string config_path = dir + "/tokenizer_config.json";
  if (checkpoint::FileExists(config_path)) {
    ASSIGN_OR_RETURN(const json config, checkpoint::LoadJsonObject(config_path, kMaxFileBytes));
    const auto decoder = config.find("added_tokens_decoder");
    if (decoder != config.end() && decoder->is_object()) {
      for (const auto& [id_text, token] : decoder->items()) {
        uint64_t id = 0;
        const json id_value = absl::SimpleAtoi(id_text, &id) ? json(id) : json();
        const json content = token.is_object() ? token.value("content", json()) : json();
        RETURN_IF_ERROR(Add(config_path, id_value, content, tokens));
      }
    }
  }
  const std::string added_path = dir + "/added_tokens.json";
  if (checkpoint::FileExists(added_path)) {
    ASSIGN_OR_RETURN(const json added, checkpoint::LoadJsonObject(added_path, kMaxFileBytes));
    for (const auto& [content, id] : added.items()) {
      RETURN_IF_ERROR(Add(added_path, id, content, tokens));
    }
  }
  return tokens;
}

}  // namespace

absl::StatusOr<Vocabulary> LoadSentencePiece(const std::string& dir) {
  const std::string path = dir + "/tokenizer.model";
  std::string error;
  std::unique_ptr<SentencePieceModel> model = SentencePieceModel::Load(path, &error);
  if (model == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is not a SentencePiece model: ", error));
  }
  const std::vector<int64_t> probe = model->Encode("a");
  if (probe.empty() || absl::StartsWith(model->Piece(probe.front()), "\u2581")) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": puts a space before the text, which no Gemma tokenizer does"));
  }
  ASSIGN_OR_RETURN(TokensById tokens, ReadAddedTokens(dir));
  Vocabulary vocabulary;
  for (int64_t id = 0; id < model->size(); ++id) {
    vocabulary.pieces.push_back(model->Piece(id));
    if (model->IsControl(id)) tokens.emplace(id, vocabulary.pieces.back());
  }
  for (const auto& [id, content] : tokens) {
    const auto index = static_cast<size_t>(id);
    if (vocabulary.pieces.size() <= index) vocabulary.pieces.resize(index + 1);
    std::string& piece = vocabulary.pieces[index];
    if (!piece.empty() && piece != content) {
      return absl::InvalidArgumentError(absl::StrCat(
          dir, ": id ", id, " is ", checkpoint::Quoted(piece), " in tokenizer.model and ",
          checkpoint::Quoted(content), " among the added tokens"));
    }
    piece = content;
    vocabulary.added_tokens.push_back({content, id});
  }
  vocabulary.encoder = std::make_unique<SentencePieceEncoder>(std::move(model));
  return vocabulary;
}

}  // namespace cajal::tokenizer
