#include "model/graph/position_alignment.h"

#include <algorithm>
#include <utility>

namespace cajal::graph {
namespace {

constexpr size_t kMaxPairs = 16 << 20;

// A text token, or a picture's run of tokens.
struct Piece {
  bool is_picture = false;
  int64_t token = 0;   // of text
  int32_t begin = 0;   // its first position
  int32_t length = 1;  // positions

  [[nodiscard]] bool IsSame(const Piece& other) const {
    return CanReplace(other) && (is_picture || token == other.token);
  }
  [[nodiscard]] bool CanReplace(const Piece& other) const {
    return is_picture == other.is_picture && length == other.length;
  }
};

std::vector<Piece> PiecesOf(const AttributionGraph& graph) {
  std::vector<Piece> pieces;
  for (int32_t position = 0; position < graph.n_positions();) {
    Piece piece{false, graph.input_tokens[position], position, 1};
    for (const auto& run : graph.image_runs) {
      if (run.begin == position) piece = {true, 0, run.begin, run.end - run.begin};
    }
    pieces.push_back(piece);
    position += piece.length;
  }
  return pieces;
}

// Lets pieces correspond.
class Aligner {
 public:
  Aligner(std::vector<Piece> base, std::vector<Piece> other, PositionAlignment* alignment)
      : base_(std::move(base)), other_(std::move(other)), alignment_(alignment) {}

  void Run() {
    size_t begin = 0;
    const size_t shorter = std::min(base_.size(), other_.size());
    while (begin < shorter && base_[begin].IsSame(other_[begin])) {
      Match(begin, begin);
      ++begin;
    }
    size_t n_end = 0;
    while (begin + n_end < shorter && EndPiece(base_, n_end).IsSame(EndPiece(other_, n_end))) {
      Match(base_.size() - 1 - n_end, other_.size() - 1 - n_end);
      ++n_end;
    }
    AlignBetween(begin, base_.size() - n_end, begin, other_.size() - n_end);
  }

 private:
  static const Piece& EndPiece(const std::vector<Piece>& pieces, size_t from_end) {
    return pieces[pieces.size() - 1 - from_end];
  }

  void Match(size_t base, size_t other) {
    for (int32_t i = 0; i < base_[base].length; ++i) {
      alignment_->other_of[base_[base].begin + i] = other_[other].begin + i;
      alignment_->base_of[other_[other].begin + i] = base_[base].begin + i;
    }
  }

  // The longest common subsequence of two stretches, and what lies between its pieces.
  void AlignBetween(size_t base_begin, size_t base_end, size_t other_begin, size_t other_end) {
    const size_t n = base_end - base_begin;
    const size_t m = other_end - other_begin;
    if (n == 0 || m == 0) return;
    if (n > kMaxPairs / m) return Replace(base_begin, base_end, other_begin, other_end);
    // longest[i, j]: of what follows i and j.
    std::vector<int32_t> longest((n + 1) * (m + 1), 0);
    const auto at = [&longest, m](size_t i, size_t j) -> int32_t& {
      return longest[i * (m + 1) + j];
    };
    for (size_t i = n; i-- > 0;) {
      for (size_t j = m; j-- > 0;) {
        at(i, j) = base_[base_begin + i].IsSame(other_[other_begin + j])
                       ? at(i + 1, j + 1) + 1
                       : std::max(at(i + 1, j), at(i, j + 1));
      }
    }
    size_t gap_i = 0;  // where the stretch since the last common piece begins
    size_t gap_j = 0;
    size_t i = 0;
    size_t j = 0;
    while (i < n && j < m) {
      if (base_[base_begin + i].IsSame(other_[other_begin + j])) {
        Replace(base_begin + gap_i, base_begin + i, other_begin + gap_j, other_begin + j);
        Match(base_begin + i, other_begin + j);
        gap_i = ++i;
        gap_j = ++j;
      } else if (at(i + 1, j) >= at(i, j + 1)) {
        ++i;
      } else {
        ++j;
      }
    }
    Replace(base_begin + gap_i, base_end, other_begin + gap_j, other_end);
  }

  // Two stretches without a common piece: one to one, if they can replace each other.
  void Replace(size_t base_begin, size_t base_end, size_t other_begin, size_t other_end) {
    const size_t n = base_end - base_begin;
    if (n != other_end - other_begin) return;
    for (size_t i = 0; i < n; ++i) {
      if (!base_[base_begin + i].CanReplace(other_[other_begin + i])) return;
    }
    for (size_t i = 0; i < n; ++i) Match(base_begin + i, other_begin + i);
  }

  const std::vector<Piece> base_;
  const std::vector<Piece> other_;
  PositionAlignment* const alignment_;
};

}  // namespace

PositionAlignment AlignPositions(const AttributionGraph& base, const AttributionGraph& other) {
  PositionAlignment alignment{std::vector<int32_t>(base.n_positions(), -1),
                              std::vector<int32_t>(other.n_positions(), -1)};
  Aligner(PiecesOf(base), PiecesOf(other), &alignment).Run();
  if (!alignment.other_of.empty() && !alignment.base_of.empty() && alignment.other_of.back() < 0 &&
      alignment.base_of.back() < 0) {
    alignment.other_of.back() = other.n_positions() - 1;
    alignment.base_of.back() = base.n_positions() - 1;
  }
  return alignment;
}

}  // namespace cajal::graph
