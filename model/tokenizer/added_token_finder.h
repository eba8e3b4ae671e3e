// Finds added tokens in raw text: at each place the longest, from left to right, without overlap.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "model/tokenizer/vocabulary.h"

namespace cajal::tokenizer {

class AddedTokenFinder {
 public:
  struct Match {
    size_t begin = 0;  // bytes
    size_t end = 0;
    int64_t id = 0;
  };

  explicit AddedTokenFinder(const std::vector<AddedToken>& tokens);

  // The first match that begins at or after `from`.
  [[nodiscard]] std::optional<Match> Find(const std::string& text, size_t from) const;

 private:
  absl::flat_hash_map<std::string, int64_t> ids_;
  // By first byte, the lengths that occur, longest first: few, while the tokens are thousands.
  std::array<std::vector<size_t>, 256> lengths_;
};

}  // namespace cajal::tokenizer
