#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/json.h"
#include "model/tokenizer/sentencepiece_model.pb.h"
#include "model/tokenizer/utf8.h"
#include "model/tokenizer/vocabulary.h"

namespace cajal::tokenizer {
namespace {

using nlohmann::json;
using sentencepiece::ModelProto;

constexpr int64_t kMaxFileBytes = 64 << 20;
constexpr int64_t kMaxId = 1 << 24;

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

absl::Status CheckSettings(const ModelProto& model) {
  if (model.trainer_spec().model_type() != sentencepiece::TrainerSpec::BPE ||
      !model.trainer_spec().byte_fallback()) {
    return absl::InvalidArgumentError("is not a BPE model with byte fallback");
  }
  const sentencepiece::NormalizerSpec& normalizer = model.normalizer_spec();
  if (normalizer.add_dummy_prefix()) {
    return absl::InvalidArgumentError(
        "puts a space before the text (add_dummy_prefix), which no Gemma tokenizer does");
  }
  if (!normalizer.precompiled_charsmap().empty() || normalizer.remove_extra_whitespaces() ||
      !normalizer.escape_whitespaces()) {
    return absl::InvalidArgumentError(
        "must replace each space by U+2581 and change nothing else of the text");
  }
  return absl::OkStatus();
}

// Every pair of pieces that make a piece. SentencePiece merges the pair whose piece came first in
// its training, which has the lower id; among pairs of one piece Transformers takes the shorter
// left one first (generate_merges of its tokenization_utils_base.py).
std::vector<BpeEncoder::Merge> MergesOf(const std::vector<std::string>& pieces,
                                        const BpeEncoder::IdOfPiece& ids) {
  std::vector<BpeEncoder::Merge> merges;
  for (size_t id = 0; id < pieces.size(); ++id) {
    const std::string& text = pieces[id];
    for (size_t at = Utf8Length(text[0]); at < text.size(); at += Utf8Length(text[at])) {
      const auto left = ids.find(text.substr(0, at));
      const auto right = ids.find(text.substr(at));
      if (left == ids.end() || right == ids.end()) continue;
      merges.push_back({left->second, right->second, static_cast<int32_t>(id)});
    }
  }
  return merges;
}

// Control and user-defined pieces are tokens that the text is searched for, before all else.
absl::StatusOr<Vocabulary> VocabularyOf(const ModelProto& model) {
  RETURN_IF_ERROR(CheckSettings(model));
  Vocabulary vocabulary;
  BpeEncoder::IdOfPiece ids;
  for (const sentencepiece::Piece& piece : model.pieces()) {
    const auto id = static_cast<int32_t>(vocabulary.pieces.size());
    if (piece.piece().empty() || !IsValidUtf8(piece.piece())) {
      return absl::InvalidArgumentError(absl::StrCat("piece ", id, " is empty or not UTF-8"));
    }
    vocabulary.pieces.push_back(piece.piece());
    if (piece.type() == sentencepiece::Piece::CONTROL ||
        piece.type() == sentencepiece::Piece::UNKNOWN ||
        piece.type() == sentencepiece::Piece::USER_DEFINED) {
      vocabulary.added_tokens.push_back({piece.piece(), id});
    }
    ids.emplace(piece.piece(), id);
  }
  ASSIGN_OR_RETURN(vocabulary.encoder, BpeEncoder::Make(ids, MergesOf(vocabulary.pieces, ids)));
  return vocabulary;
}

}  // namespace

absl::StatusOr<Vocabulary> LoadSentencePiece(const std::string& dir) {
  const std::string path = dir + "/tokenizer.model";
  ASSIGN_OR_RETURN(const std::string bytes, checkpoint::ReadFile(path, kMaxFileBytes));
  ModelProto model;
  if (!model.ParseFromString(bytes)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not a SentencePiece model"));
  }
  absl::StatusOr<Vocabulary> vocabulary = VocabularyOf(model);
  if (!vocabulary.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", vocabulary.status().message()));
  }
  ASSIGN_OR_RETURN(const TokensById tokens, ReadAddedTokens(dir));
  for (const auto& [id, content] : tokens) {
    const auto index = static_cast<size_t>(id);
    if (vocabulary->pieces.size() <= index) vocabulary->pieces.resize(index + 1);
    std::string& piece = vocabulary->pieces[index];
    if (!piece.empty() && piece != content) {
      return absl::InvalidArgumentError(absl::StrCat(
          dir, ": id ", id, " is ", checkpoint::Quoted(piece), " in tokenizer.model and ",
          checkpoint::Quoted(content), " among the added tokens"));
    }
    piece = content;
    vocabulary->added_tokens.push_back({content, id});
  }
  return vocabulary;
}

}  // namespace cajal::tokenizer
