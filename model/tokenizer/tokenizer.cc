#include "model/tokenizer/tokenizer.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "model/checkpoint/file_io.h"
#include "model/tokenizer/utf8.h"

namespace cajal::tokenizer {
namespace {

// The byte of "<0xE6>".
std::optional<char> ByteOfPiece(const std::string& piece) {
  const auto is_hex = [&piece](size_t i) {
    return std::isxdigit(static_cast<unsigned char>(piece[i])) != 0;
  };
  if (piece.size() != 6 || piece.compare(0, 3, "<0x") != 0 || piece[5] != '>' || !is_hex(3) ||
      !is_hex(4)) {
    return std::nullopt;
  }
  return static_cast<char>(std::strtol(piece.substr(3, 2).c_str(), nullptr, 16));
}

// Appends a run of byte tokens: as text when it is UTF-8 as a whole, else U+FFFD for each byte.
void AppendBytes(std::string& run, std::string& text) {
  if (IsValidUtf8(run)) {
    text += run;
  } else {
    for (size_t i = 0; i < run.size(); ++i) text += "\uFFFD";
  }
  run.clear();
}

}  // namespace

absl::StatusOr<Tokenizer> Tokenizer::Load(const std::string& dir) {
  const std::string json_path = dir + "/tokenizer.json";
  if (checkpoint::FileExists(json_path)) {
    ASSIGN_OR_RETURN(Vocabulary vocabulary, LoadTokenizerJson(json_path));
    return Tokenizer(std::move(vocabulary));
  }
  if (checkpoint::FileExists(dir + "/tokenizer.model")) {
    ASSIGN_OR_RETURN(Vocabulary vocabulary, LoadSentencePiece(dir));
    return Tokenizer(std::move(vocabulary));
  }
  return absl::NotFoundError(
      absl::StrCat(dir,
                   ": has no tokenizer; tokenizer.json is needed, or tokenizer.model with "
                   "tokenizer_config.json"));
}

std::vector<int64_t> Tokenizer::Encode(const std::string& text) const {
  std::vector<int64_t> ids;
  const auto append_segment = [&](size_t begin, size_t end) {
    if (begin == end) return;
    const std::vector<int64_t> segment =
        vocabulary_.encoder->Encode(text.substr(begin, end - begin));
    ids.insert(ids.end(), segment.begin(), segment.end());
  };
  size_t at = 0;
  while (const auto match = added_tokens_.Find(text, at)) {
    append_segment(at, match->begin);
    ids.push_back(match->id);
    at = match->end;
  }
  append_segment(at, text.size());
  return ids;
}

std::string Tokenizer::Decode(std::span<const int64_t> ids) const {
  std::string text;
  std::string bytes;
  for (const int64_t id : ids) {
    if (id < 0 || id >= static_cast<int64_t>(vocabulary_.pieces.size())) continue;
    const std::string& piece = vocabulary_.pieces[static_cast<size_t>(id)];
    if (piece.empty()) continue;
    if (const std::optional<char> byte = ByteOfPiece(piece)) {
      bytes.push_back(*byte);
    } else {
      AppendBytes(bytes, text);
      text += absl::StrReplaceAll(piece, {{"\u2581", " "}});
    }
  }
  AppendBytes(bytes, text);
  return text;
}

std::optional<char> Tokenizer::ByteOf(int64_t id) const {
  if (id < 0 || id >= static_cast<int64_t>(vocabulary_.pieces.size())) return std::nullopt;
  return ByteOfPiece(vocabulary_.pieces[static_cast<size_t>(id)]);
}

std::optional<int64_t> Tokenizer::IdOf(const std::string& piece) const {
  const auto& pieces = vocabulary_.pieces;
  const auto it = std::find(pieces.begin(), pieces.end(), piece);
  if (piece.empty() || it == pieces.end()) return std::nullopt;
  return it - pieces.begin();
}

}  // namespace cajal::tokenizer
