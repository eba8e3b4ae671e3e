#include "model/features/reconstruction_statistics.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "model/base/check.h"

namespace cajal::features {
namespace {

template <typename T>
std::vector<T> ToVector(const at::Tensor& tensor) {
  const at::Tensor cpu = tensor.to(at::kCPU).contiguous();
  return {cpu.const_data_ptr<T>(), cpu.const_data_ptr<T>() + cpu.numel()};
}

// Of the tokens of one modality.
ReconstructionSums SumsOf(const ReconstructedTokens& tokens, Modality modality,
                          const at::Tensor& positions, const at::Tensor& features, int64_t d_sae) {
  const at::Tensor is_counted = tokens.modality.eq(static_cast<int64_t>(modality));
  const at::Tensor rows = is_counted.nonzero().squeeze(1);
  const at::Tensor y = tokens.y.index_select(0, rows).to(at::kDouble);
  const at::Tensor error = y - tokens.y_hat.index_select(0, rows);
  const at::Tensor counted = features.masked_select(is_counted.index_select(0, positions));
  return {.tokens = rows.numel(),
          .squared_error = error.square().sum().item<double>(),
          .squared_output = y.square().sum().item<double>(),
          .output = ToVector<double>(y.sum(0)),
          .activations = ToVector<int64_t>(at::bincount(counted, {}, d_sae))};
}

}  // namespace

at::Tensor ModalityOfPositions(int64_t n_positions,
                               const std::vector<std::pair<int64_t, int64_t>>& image_runs,
                               int64_t zero_positions) {
  at::Tensor modality = at::full({n_positions}, static_cast<int64_t>(Modality::kText), at::kLong);
  for (const auto& [begin, end] : image_runs) {
    modality.slice(0, begin, end).fill_(static_cast<int64_t>(Modality::kImage));
  }
  modality.slice(0, 0, zero_positions).fill_(kLeftOut);
  return modality;
}

ReconstructionStatistics::ReconstructionStatistics(int64_t d_model, int64_t d_sae)
    : sums_{.text = EmptySums(d_model, d_sae), .image = EmptySums(d_model, d_sae)} {}

void ReconstructionStatistics::Add(const ReconstructedTokens& tokens,
                                   const transcoder::ActiveFeatures& active) {
  AddTokens(tokens, active.positions, active.features);
}

void ReconstructionStatistics::Add(const ReconstructedTokens& tokens,
                                   const at::Tensor& activations) {
  const at::Tensor active = activations.nonzero();  // [n, 2]
  AddTokens(tokens, active.select(1, 0), active.select(1, 1));
}

void ReconstructionStatistics::AddTokens(const ReconstructedTokens& tokens,
                                         const at::Tensor& positions, const at::Tensor& features) {
  CAJAL_CHECK(tokens.y.sizes() == tokens.y_hat.sizes());
  CAJAL_CHECK(tokens.modality.numel() == tokens.y.size(0));
  const auto d_sae = static_cast<int64_t>(sums_.text.activations.size());
  features::Add(SumsOf(tokens, Modality::kText, positions, features, d_sae), &sums_.text);
  features::Add(SumsOf(tokens, Modality::kImage, positions, features, d_sae), &sums_.image);
}

}  // namespace cajal::features
