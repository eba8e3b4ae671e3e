#include "model/tokenizer/bpe_encoder.h"

#include <queue>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/check.h"
#include "model/tokenizer/utf8.h"

namespace cajal::tokenizer {
namespace {

constexpr char kSpacePiece[] = "\u2581";
constexpr int32_t kNone = -1;

uint64_t PairKey(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// A piece of the text in a doubly linked list; `id` is kNone once it is merged into its left
// neighbour.
struct Symbol {
  int32_t id = kNone;
  int32_t previous = kNone;
  int32_t next = kNone;
};

// A merge that was possible when it was queued.
struct Candidate {
  int32_t rank = 0;
  int32_t position = 0;  // of the left symbol
  int32_t merged = 0;

  bool operator>(const Candidate& other) const {
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

}  // namespace

absl::StatusOr<BpeEncoder> BpeEncoder::Make(const IdOfPiece& ids,
                                            const std::vector<Merge>& merges) {
  BpeEncoder encoder;
  for (size_t i = 0; i < encoder.bytes_.size(); ++i) {
    const std::string piece = absl::StrFormat("<0x%02X>", i);
    const auto it = ids.find(piece);
    if (it == ids.end()) {
      return absl::InvalidArgumentError(absl::StrCat("lacks the byte ", piece));
    }
    encoder.bytes_[i] = it->second;
  }
  for (const auto& [piece, id] : ids) {
    if (Utf8Length(piece.front()) == piece.size()) encoder.characters_[piece] = id;
  }
  encoder.merges_.reserve(merges.size());
  int32_t rank = 0;
  for (const Merge& merge : merges) {
    encoder.merges_[PairKey(merge.left, merge.right)] = {rank++, merge.merged};
  }
  return encoder;
}

const BpeEncoder::Target* BpeEncoder::Find(int32_t left, int32_t right) const {
  const auto it = merges_.find(PairKey(left, right));
  return it == merges_.end() ? nullptr : &it->second;
}

std::vector<int32_t> BpeEncoder::CharacterIds(const std::string& text) const {
  std::vector<int32_t> ids;
  ids.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t n = Utf8Length(text[at]);
    CAJAL_CHECK(n > 0 && at + n <= text.size()) << "the text to encode is not UTF-8";
    const std::string character = text[at] == ' ' ? kSpacePiece : text.substr(at, n);
    const auto it = characters_.find(character);
    if (it != characters_.end()) {
      ids.push_back(it->second);
    } else {
      for (const char byte : character) ids.push_back(bytes_[static_cast<uint8_t>(byte)]);
    }
    at += n;
  }
  return ids;
}

std::vector<int64_t> BpeEncoder::Encode(const std::string& text) const {
  const std::vector<int32_t> ids = CharacterIds(text);
  const auto n = static_cast<int32_t>(ids.size());
  std::vector<Symbol> symbols(ids.size());
  for (int32_t i = 0; i < n; ++i) {
    symbols[static_cast<size_t>(i)] = {ids[static_cast<size_t>(i)], i - 1,
                                       i + 1 < n ? i + 1 : kNone};
  }
  const auto symbol = [&symbols](int32_t i) -> Symbol& { return symbols[static_cast<size_t>(i)]; };

  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](int32_t left) {
    if (left == kNone || symbol(left).next == kNone) return;
    const Target* target = Find(symbol(left).id, symbol(symbol(left).next).id);
    if (target != nullptr) queue.push({target->rank, left, target->merged});
  };
  for (int32_t i = 0; i < n; ++i) consider(i);

  while (!queue.empty()) {
    const Candidate candidate = queue.top();
    queue.pop();
    Symbol& left = symbol(candidate.position);
    if (left.id == kNone || left.next == kNone) continue;
    Symbol& right = symbol(left.next);
    const Target* target = Find(left.id, right.id);
    if (target == nullptr || target->merged != candidate.merged) continue;  // a neighbour changed
    left.id = candidate.merged;
    left.next = right.next;
    if (right.next != kNone) symbol(right.next).previous = candidate.position;
    right.id = kNone;
    consider(left.previous);
    consider(candidate.position);
  }
  std::vector<int64_t> result;
  for (int32_t i = n == 0 ? kNone : 0; i != kNone; i = symbol(i).next)
    result.push_back(symbol(i).id);
  return result;
}

}  // namespace cajal::tokenizer
