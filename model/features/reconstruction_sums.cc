#include "model/features/reconstruction_sums.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "model/base/check.h"

namespace cajal::features {
namespace {

// Below this share of Σ y² a difference of two sums in float64 is their rounding.
constexpr double kRoundingShare = 1e-13;

template <typename T>
void AddEach(const std::vector<T>& more, std::vector<T>* values) {
  CAJAL_CHECK(more.size() == values->size()) << more.size() << " values for " << values->size();
  std::transform(more.begin(), more.end(), values->begin(), values->begin(), std::plus<T>());
}

std::optional<double> Fvu(const ReconstructionSums& sums) {
  if (sums.tokens == 0) return std::nullopt;
  const double squared_sum =
      std::inner_product(sums.output.begin(), sums.output.end(), sums.output.begin(), 0.0);
  const double deviation = sums.squared_output - squared_sum / static_cast<double>(sums.tokens);
  if (deviation <= kRoundingShare * sums.squared_output) return std::nullopt;
  return sums.squared_error / deviation;
}

}  // namespace

ReconstructionSums EmptySums(int64_t d_model, int64_t d_sae) {
  return {.output = std::vector<double>(static_cast<size_t>(d_model)),
          .activations = std::vector<int64_t>(static_cast<size_t>(d_sae))};
}

void Add(const ReconstructionSums& more, ReconstructionSums* sums) {
  sums->tokens += more.tokens;
  sums->squared_error += more.squared_error;
  sums->squared_output += more.squared_output;
  AddEach(more.output, &sums->output);
  AddEach(more.activations, &sums->activations);
}

ReconstructionSums All(const LayerSums& layer) {
  ReconstructionSums all = layer.text;
  Add(layer.image, &all);
  return all;
}

ReconstructionFigures FiguresOf(const ReconstructionSums& sums, double dense_threshold) {
  ReconstructionFigures figures{.tokens = sums.tokens, .fvu = Fvu(sums)};
  const auto tokens = static_cast<double>(sums.tokens);
  const auto n_features = static_cast<double>(sums.activations.size());
  int64_t total = 0;
  int64_t dead = 0;
  int64_t dense = 0;
  for (const int64_t count : sums.activations) {
    total += count;
    if (count == 0) ++dead;
    if (static_cast<double>(count) > dense_threshold * tokens) ++dense;
  }
  if (sums.tokens > 0) figures.mean_l0 = static_cast<double>(total) / tokens;
  if (n_features > 0) {
    figures.dead_share = static_cast<double>(dead) / n_features;
    figures.dense_share = static_cast<double>(dense) / n_features;
  }
  return figures;
}

}  // namespace cajal::features
