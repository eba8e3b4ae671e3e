// Which positions of two prompts belong together. No torch; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/intervention/positions.h"

namespace cajal::intervention {

enum class PositionMapKind {
  kSame,      // position p of the donor is position p of the recipient
  kImage,     // soft tokens of picture i by row and column; no other positions
  kLast,      // the last position alone
  kExplicit,  // as `pairs` say
};

struct PositionPair {
  int32_t donor = 0;
  int32_t recipient = 0;

  bool operator==(const PositionPair&) const = default;
};

struct PositionMap {
  PositionMapKind kind = PositionMapKind::kSame;
  std::vector<PositionPair> pairs;  // of kExplicit; negative positions count from the ends
};

// The pairs of a map, ascending by the donor's position unless they are explicit. INVALID_ARGUMENT
// names a field below "map": IMAGE_COUNT when kImage meets prompts with different numbers of
// pictures, a position outside its prompt, a position that is paired twice, no pairs.
absl::StatusOr<std::vector<PositionPair>> ResolveMap(const PositionMap& map,
                                                     const PromptShape& donor,
                                                     const PromptShape& recipient);

}  // namespace cajal::intervention
