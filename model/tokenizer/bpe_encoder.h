// Byte-pair encoding with byte fallback, as the `tokenizers` library computes it.
//
// The text's characters, or the bytes of those that the vocabulary lacks, are merged pair by pair:
// always the pair of the lowest rank, the leftmost where several have it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "model/base/status.h"

namespace cajal::tokenizer {

//
// Immutable; any thread may call it.
class BpeEncoder {
 public:
  using IdOfPiece = absl::flat_hash_map<std::string, int32_t>;
  struct Merge {
    int32_t left = 0;
    int32_t right = 0;
    int32_t merged = 0;
  };

  // `merges` in the order of their rank; of a repeated pair the last one counts. INVALID_ARGUMENT
  // if `ids` lacks one of the bytes <0x00> to <0xFF>.
  static absl::StatusOr<BpeEncoder> Make(const IdOfPiece& ids, const std::vector<Merge>& merges);

  // `text` is well-formed UTF-8. Every space becomes U+2581 first. O(n log n) for n characters.
  [[nodiscard]] std::vector<int64_t> Encode(const std::string& text) const;

 private:
  BpeEncoder() = default;

  struct Target {
    int32_t rank = 0;
    int32_t merged = 0;
  };
  [[nodiscard]] const Target* Find(int32_t left, int32_t right) const;
  [[nodiscard]] std::vector<int32_t> CharacterIds(const std::string& text) const;

  IdOfPiece characters_;  // the pieces of one character
  std::array<int32_t, 256> bytes_{};
  absl::flat_hash_map<uint64_t, Target> merges_;  // by the pair of ids
};

}  // namespace cajal::tokenizer
