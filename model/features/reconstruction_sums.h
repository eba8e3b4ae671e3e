// How well one layer's transcoder stands for its MLP on a set of tokens: the sums that have to be
// known of the tokens, and the figures that follow from them.
//
// Every sum simply adds up, so sets of tokens can be judged in pieces, on several machines, and in
// any order; the figures are computed last, from the total. With y the MLP output at the set's
// output hook, ŷ its reconstruction, n tokens and sums over all tokens and dimensions:
//
//   FVU = Σ (y - ŷ)² / Σ (y - mean)²,   Σ (y - mean)² = Σ y² - |Σ_tokens y|² / n
//
// where the mean is the tokens' own, one per dimension. In float64 the difference on the right
// loses log10(1 + n |mean|² / Σ (y - mean)²) of 15 digits: nothing that matters.
//
// Plain data and functions, no torch.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace cajal::features {

// What is at a position: a text token, or a soft token of a picture. The markers around a picture
// are text.
enum class Modality { kText = 0, kImage = 1 };

struct ReconstructionSums {
  int64_t tokens = 0;
  double squared_error = 0;          // Σ (y - ŷ)²
  double squared_output = 0;         // Σ y²
  std::vector<double> output;        // [d_model], Σ_tokens y
  std::vector<int64_t> activations;  // [d_sae], the number of tokens on which a feature is active
};

// No tokens yet.
ReconstructionSums EmptySums(int64_t d_model, int64_t d_sae);

// Both must be of the same shape.
void Add(const ReconstructionSums& more, ReconstructionSums* sums);

// One layer's sums, apart by modality.
struct LayerSums {
  ReconstructionSums text;
  ReconstructionSums image;
};

// Text and image together.
ReconstructionSums All(const LayerSums& layer);

struct ReconstructionFigures {
  int64_t tokens = 0;
  // Nothing when the outputs do not vary: no token, one token, all alike.
  std::optional<double> fvu;
  double mean_l0 = 0;      // active features per token; 0 without tokens
  double dead_share = 0;   // of the features: active on none of the tokens; 1 without tokens
  double dense_share = 0;  // of the features: active on more than dense_threshold of the tokens
};

inline constexpr double kDefaultDenseThreshold = 0.1;

// dense_threshold: a share of the tokens, in (0, 1].
ReconstructionFigures FiguresOf(const ReconstructionSums& sums,
                                double dense_threshold = kDefaultDenseThreshold);

}  // namespace cajal::features
