// Adds up, token by token and apart by modality, how well one layer's transcoder stands for its
// MLP. reconstruction_sums.h says what the sums are and what follows from them.
//
//   ReconstructionStatistics statistics(d_model, d_sae);
//   for (…) statistics.Add({y, y_hat, modality}, active);
//   const ReconstructionFigures on_images = FiguresOf(statistics.sums().image);
//
// The sums are float64 on the CPU, whatever device the tensors are on; each Add waits for the
// device. One object per layer, used by one thread at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "model/features/reconstruction_sums.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::features {

// Some tokens of one layer, T of them, in any order. All tensors are on one device.
struct ReconstructedTokens {
  at::Tensor y;      // [T, d_model], floating point
  at::Tensor y_hat;  // [T, d_model], floating point
  // [T], int64: a Modality of each token, or kLeftOut.
  at::Tensor modality;
};

// The modality of tokens that count nowhere: positions that graphs give no features.
inline constexpr int64_t kLeftOut = -1;

// The modality of each position of a sequence, int64 on the CPU: kLeftOut at the first
// `zero_positions`, kImage inside the runs [begin, end), else kText.
at::Tensor ModalityOfPositions(int64_t n_positions,
                               const std::vector<std::pair<int64_t, int64_t>>& image_runs,
                               int64_t zero_positions);

class ReconstructionStatistics {
 public:
  ReconstructionStatistics(int64_t d_model, int64_t d_sae);

  // active: features that are not zero, their positions counted within `tokens`.
  void Add(const ReconstructedTokens& tokens, const transcoder::ActiveFeatures& active);
  // activations: [T, d_sae]; what is not zero is active.
  void Add(const ReconstructedTokens& tokens, const at::Tensor& activations);

  [[nodiscard]] const LayerSums& sums() const { return sums_; }

 private:
  // positions, features: [n] int64, one pair for each active feature of a token.
  void AddTokens(const ReconstructedTokens& tokens, const at::Tensor& positions,
                 const at::Tensor& features);

  LayerSums sums_;
};

}  // namespace cajal::features
