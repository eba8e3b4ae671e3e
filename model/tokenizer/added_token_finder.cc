#include "model/tokenizer/added_token_finder.h"

#include <algorithm>
#include <functional>

namespace cajal::tokenizer {

AddedTokenFinder::AddedTokenFinder(const std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : tokens) {
    ids_[token.content] = token.id;
    std::vector<size_t>& lengths = lengths_[static_cast<uint8_t>(token.content.front())];
    const auto place =
        std::lower_bound(lengths.begin(), lengths.end(), token.content.size(), std::greater<>());
    if (place == lengths.end() || *place != token.content.size()) {
      lengths.insert(place, token.content.size());
    }
  }
}

std::optional<AddedTokenFinder::Match> AddedTokenFinder::Find(const std::string& text,
                                                              size_t from) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    for (const size_t length : lengths_[static_cast<uint8_t>(text[begin])]) {
      if (length > text.size() - begin) continue;
      const auto it = ids_.find(text.substr(begin, length));
      if (it != ids_.end()) return Match{begin, begin + length, it->second};
    }
  }
  return std::nullopt;
}

}  // namespace cajal::tokenizer
