#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/json.h"
#include "model/tokenizer/bpe_encoder.h"
#include "model/tokenizer/vocabulary.h"

namespace cajal::tokenizer {
namespace {

using nlohmann::json;

constexpr int64_t kMaxFileBytes = 256 << 20;  // Gemma's has 33 MB
constexpr uint64_t kMaxId = 1 << 24;

absl::Status Refuse(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

bool IsId(const json& value) {
  return value.is_number_unsigned() && value.get<uint64_t>() <= kMaxId;
}

// Every setting that changes ids is one that BpeEncoder computes.
absl::Status CheckPipeline(const json& root, const std::string& path) {
  const json normalizer =
      json::parse(R"({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})");
  if (root.value("normalizer", json()) != normalizer) {
    return Refuse(path, "normalizer must replace each space by U+2581 and do nothing else");
  }
  // Splitting at spaces does nothing after that replacement.
  const json splitter = json::parse(R"({"type": "Split", "pattern": {"String": " "},
                                        "behavior": "MergedWithPrevious", "invert": false})");
  const json pre_tokenizer = root.value("pre_tokenizer", json());
  if (!pre_tokenizer.is_null() && pre_tokenizer != splitter) {
    return Refuse(path, "pre_tokenizer must be null or a Split at spaces");
  }
  const json& model = root.at("model");
  if (model.value("type", json()) != "BPE" || model.value("byte_fallback", json()) != true ||
      model.value("ignore_merges", json()) == true) {
    return Refuse(path, "model must be BPE with byte_fallback and without ignore_merges");
  }
  return absl::OkStatus();
}

absl::Status Place(const std::string& piece, int64_t id, const std::string& path,
                   Vocabulary& vocabulary) {
  const auto index = static_cast<size_t>(id);
  if (vocabulary.pieces.size() <= index) vocabulary.pieces.resize(index + 1);
  std::string& slot = vocabulary.pieces[index];
  if (!slot.empty() && slot != piece) {
    return Refuse(path, absl::StrCat("id ", id, " is both ", checkpoint::Quoted(slot), " and ",
                                     checkpoint::Quoted(piece)));
  }
  slot = piece;
  return absl::OkStatus();
}

absl::Status ReadAddedTokens(const json& root, const std::string& path, Vocabulary& vocabulary) {
  for (const json& token : root.at("added_tokens")) {
    const json content = token.value("content", json());
    const json id = token.value("id", json());
    if (!content.is_string() || content == "" || !IsId(id)) {
      return Refuse(path, "added_tokens holds an entry without content or id");
    }
    for (const char* option : {"lstrip", "rstrip", "single_word"}) {
      if (token.value(option, json()) == true) {
        return Refuse(path, absl::StrCat("added token ", content.dump(), " has ", option,
                                         ", which is not supported"));
      }
    }
    vocabulary.added_tokens.push_back({content.get<std::string>(), id.get<int64_t>()});
    RETURN_IF_ERROR(Place(content.get<std::string>(), id.get<int64_t>(), path, vocabulary));
  }
  return absl::OkStatus();
}

using IdOfPiece = BpeEncoder::IdOfPiece;

absl::StatusOr<IdOfPiece> ReadVocab(const json& model, const std::string& path,
                                    Vocabulary& vocabulary) {
  IdOfPiece ids;
  for (const auto& [piece, id] : model.at("vocab").items()) {
    if (!IsId(id) || piece.empty()) return Refuse(path, "model.vocab holds no ids of pieces");
    ids[piece] = id.get<int32_t>();
    RETURN_IF_ERROR(Place(piece, id.get<int64_t>(), path, vocabulary));
  }
  return ids;
}

// A merge is ["a", "b"], or "a b" in older files.
absl::StatusOr<std::vector<BpeEncoder::Merge>> ReadMerges(const json& model, const IdOfPiece& ids,
                                                          const std::string& path) {
  std::vector<BpeEncoder::Merge> merges;
  for (const json& merge : model.at("merges")) {
    std::string left;
    std::string right;
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
    } else if (merge.is_string()) {
      const auto text = merge.get<std::string>();
      const size_t space = text.find(' ');
      left = text.substr(0, space);
      right = space == std::string::npos ? "" : text.substr(space + 1);
    }
    const auto left_id = ids.find(left);
    const auto right_id = ids.find(right);
    const auto merged_id = ids.find(left + right);
    if (left_id == ids.end() || right_id == ids.end() || merged_id == ids.end()) {
      return Refuse(path, absl::StrCat("model.merges holds ", merge.dump().substr(0, 200),
                                       ", which is no pair of pieces that make a piece"));
    }
    merges.push_back({left_id->second, right_id->second, merged_id->second});
  }
  return merges;
}

}  // namespace

absl::StatusOr<Vocabulary> LoadTokenizerJson(const std::string& path) {
  ASSIGN_OR_RETURN(const json root, checkpoint::LoadJsonObject(path, kMaxFileBytes));
  try {  // nlohmann throws where a value is not of the type that its use implies
    RETURN_IF_ERROR(CheckPipeline(root, path));
    Vocabulary vocabulary;
    const json& model = root.at("model");
    ASSIGN_OR_RETURN(const IdOfPiece ids, ReadVocab(model, path, vocabulary));
    RETURN_IF_ERROR(ReadAddedTokens(root, path, vocabulary));
    ASSIGN_OR_RETURN(const auto merges, ReadMerges(model, ids, path));
    absl::StatusOr<BpeEncoder> encoder = BpeEncoder::Make(ids, merges);
    if (!encoder.ok()) {
      return Refuse(path, absl::StrCat("model.vocab ", encoder.status().message()));
    }
    vocabulary.encoder = *std::move(encoder);
    return vocabulary;
  } catch (const json::exception& error) {
    return Refuse(path, absl::StrCat("is not a tokenizer: ", error.what()));
  }
}

}  // namespace cajal::tokenizer
