#include "model/intervention/position_map.h"

#include <algorithm>
#include <set>

#include "model/base/status.h"

namespace cajal::intervention {
namespace {

// The whole pictures, without crops, by their index.
std::vector<tokenizer::ImageSpan> Pictures(const PromptShape& prompt) {
  std::vector<tokenizer::ImageSpan> pictures;
  for (const tokenizer::ImageSpan& span : prompt.image_spans) {
    if (span.crop < 0) pictures.push_back(span);
  }
  return pictures;
}

absl::StatusOr<std::vector<PositionPair>> PairsOfImages(const PromptShape& donor,
                                                        const PromptShape& recipient) {
  const std::vector<tokenizer::ImageSpan> from = Pictures(donor);
  const std::vector<tokenizer::ImageSpan> to = Pictures(recipient);
  if (from.size() != to.size() || from.empty()) {
    return InvalidField("map", "IMAGE_COUNT",
                        "pairs soft tokens of pictures, but the donor has " +
                            std::to_string(from.size()) + " pictures and the recipient " +
                            std::to_string(to.size()) + "; both must have as many, at least one");
  }
  std::vector<PositionPair> pairs;
  for (size_t i = 0; i < from.size(); ++i) {
    for (int32_t cell = 0; cell < from[i].end - from[i].begin; ++cell) {
      pairs.push_back({from[i].begin + cell, to[i].begin + cell});
    }
  }
  return pairs;
}

absl::StatusOr<std::vector<PositionPair>> ExplicitPairs(const PositionMap& map,
                                                        const PromptShape& donor,
                                                        const PromptShape& recipient) {
  std::vector<PositionPair> pairs;
  std::set<int32_t> donors;
  std::set<int32_t> recipients;
  for (size_t i = 0; i < map.pairs.size(); ++i) {
    const std::string field = "map.pairs[" + std::to_string(i) + "]";
    ASSIGN_OR_RETURN(const auto from,
                     ResolvePositions(At(map.pairs[i].donor), donor, field + ".donor"));
    ASSIGN_OR_RETURN(const auto to,
                     ResolvePositions(At(map.pairs[i].recipient), recipient, field + ".recipient"));
    if (!donors.insert(from[0]).second || !recipients.insert(to[0]).second) {
      return InvalidField(field, "pairs a position that another pair has already");
    }
    pairs.push_back({from[0], to[0]});
  }
  if (pairs.empty()) return InvalidField("map.pairs", "is empty; an explicit map needs pairs");
  return pairs;
}

}  // namespace

absl::StatusOr<std::vector<PositionPair>> ResolveMap(const PositionMap& map,
                                                     const PromptShape& donor,
                                                     const PromptShape& recipient) {
  switch (map.kind) {
    case PositionMapKind::kImage:
      return PairsOfImages(donor, recipient);
    case PositionMapKind::kLast:
      return std::vector<PositionPair>{{donor.n_positions - 1, recipient.n_positions - 1}};
    case PositionMapKind::kExplicit:
      return ExplicitPairs(map, donor, recipient);
    case PositionMapKind::kSame:
      break;
  }
  std::vector<PositionPair> pairs;
  for (int32_t p = 0; p < std::min(donor.n_positions, recipient.n_positions); ++p) {
    pairs.push_back({p, p});
  }
  return pairs;
}

}  // namespace cajal::intervention
