// Places of a prompt as people name them, and the positions that they stand for.
//
// Plain values and pure functions; no torch; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/tokenizer/prompt.h"

namespace cajal::intervention {

enum class PositionKind {
  kRange,      // first to last
  kImage,      // the soft tokens of a picture, or a row or a column of them
  kAll,        // every position that has features
  kGenerated,  // every token that is generated after the prompt
};

struct Positions {
  PositionKind kind = PositionKind::kRange;
  // kRange: both included; negative ones count from the prompt's end.
  int32_t first = -1;
  int32_t last = -1;
  // kImage: which picture of the prompt, and which row and column of its square of soft tokens;
  // -1 = all of them. Pan-and-scan crops are not meant.
  int32_t image = 0;
  int32_t row = -1;
  int32_t column = -1;

  bool operator==(const Positions&) const = default;
};

inline Positions At(int32_t position) { return {.first = position, .last = position}; }

// The prompt that places are looked up in.
struct PromptShape {
  int32_t n_positions = 0;
  std::vector<tokenizer::ImageSpan> image_spans;
  int32_t tokens_per_image = 0;  // a square number; 0 without vision
  int32_t zero_positions = 0;    // the first ones, which have no features
};

// Ascending, each once; empty for kGenerated. INVALID_ARGUMENT names `field` and the permitted
// range: a position outside the prompt, a range whose end lies before its begin, a picture, row or
// column that the prompt does not have.
absl::StatusOr<std::vector<int32_t>> ResolvePositions(const Positions& positions,
                                                      const PromptShape& prompt,
                                                      const std::string& field);

// Soft tokens in a row, and rows, of a picture.
int32_t ImageSide(int32_t tokens_per_image);

}  // namespace cajal::intervention
