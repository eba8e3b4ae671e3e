#include "model/intervention/positions.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/base/status.h"

namespace cajal::intervention {
namespace {

absl::StatusOr<int32_t> ResolvePosition(int32_t position, const PromptShape& prompt,
                                        const std::string& field) {
  const int32_t n = prompt.n_positions;
  if (position < -n || position >= n) {
    return InvalidField(field, "must be from 0 to " + std::to_string(n - 1) + ", or from -" +
                                   std::to_string(n) + " to -1 counting from the end, not " +
                                   std::to_string(position));
  }
  return position < 0 ? position + n : position;
}

absl::Status CheckCell(const std::string& name, int32_t value, int32_t n,
                       const std::string& field) {
  if (value >= -1 && value < n) return absl::OkStatus();
  return InvalidField(field, name + " must be from 0 to " + std::to_string(n - 1) +
                                 ", or -1 for all, not " + std::to_string(value));
}

std::vector<int32_t> Range(int32_t begin, int32_t end) {
  std::vector<int32_t> positions(static_cast<size_t>(std::max(end - begin, 0)));
  std::iota(positions.begin(), positions.end(), begin);
  return positions;
}

absl::StatusOr<std::vector<int32_t>> ImagePositions(const Positions& positions,
                                                    const PromptShape& prompt,
                                                    const std::string& field) {
  const auto span = std::find_if(
      prompt.image_spans.begin(), prompt.image_spans.end(),
      [&](const tokenizer::ImageSpan& s) { return s.image == positions.image && s.crop < 0; });
  if (span == prompt.image_spans.end()) {
    const auto n_images = std::count_if(prompt.image_spans.begin(), prompt.image_spans.end(),
                                        [](const tokenizer::ImageSpan& s) { return s.crop < 0; });
    if (n_images == 0) return InvalidField(field, "names an image, but the prompt has none");
    return InvalidField(field, "image must be from 0 to " + std::to_string(n_images - 1) +
                                   ", not " + std::to_string(positions.image));
  }
  const int32_t side = ImageSide(prompt.tokens_per_image);
  RETURN_IF_ERROR(CheckCell("row", positions.row, side, field));
  RETURN_IF_ERROR(CheckCell("column", positions.column, side, field));
  std::vector<int32_t> result;
  for (const int32_t position : Range(span->begin, span->end)) {
    const int32_t cell = position - span->begin;
    if (positions.row >= 0 && cell / side != positions.row) continue;
    if (positions.column >= 0 && cell % side != positions.column) continue;
    result.push_back(position);
  }
  return result;
}

}  // namespace

int32_t ImageSide(int32_t tokens_per_image) {
  return static_cast<int32_t>(std::lround(std::sqrt(tokens_per_image)));
}

absl::StatusOr<std::vector<int32_t>> ResolvePositions(const Positions& positions,
                                                      const PromptShape& prompt,
                                                      const std::string& field) {
  switch (positions.kind) {
    case PositionKind::kImage:
      return ImagePositions(positions, prompt, field);
    case PositionKind::kAll:
      return Range(prompt.zero_positions, prompt.n_positions);
    case PositionKind::kGenerated:
      return std::vector<int32_t>();
    case PositionKind::kRange:
      break;
  }
  ASSIGN_OR_RETURN(const int32_t first, ResolvePosition(positions.first, prompt, field));
  ASSIGN_OR_RETURN(const int32_t last, ResolvePosition(positions.last, prompt, field));
  if (last < first) {
    return InvalidField(field, "ends at position " + std::to_string(last) +
                                   ", before it begins at " + std::to_string(first));
  }
  return Range(first, last + 1);
}

}  // namespace cajal::intervention
