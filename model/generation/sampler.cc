#include "model/generation/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/generation/next_tokens.h"

namespace cajal::generation {
namespace {

// [0, 1), 53 bits.
double Uniform(std::mt19937_64* random) { return static_cast<double>((*random)() >> 11) * 0x1p-53; }

// The tokens with their probabilities, up to a factor.
class WeightedTokens {
 public:
  WeightedTokens(std::span<const float> logits, double temperature)
      : logits_(logits), weights_(logits.size()) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    std::transform(logits.begin(), logits.end(), weights_.begin(), [&](float logit) {
      return std::exp((static_cast<double>(logit) - largest) / temperature);
    });
  }

  [[nodiscard]] double WeightOf(int64_t id) const { return weights_[static_cast<size_t>(id)]; }

  [[nodiscard]] double SumOf(const std::vector<int64_t>& ids) const {
    return std::accumulate(ids.begin(), ids.end(), 0.0,
                           [this](double sum, int64_t id) { return sum + WeightOf(id); });
  }

  void KeepMostProbable(int32_t k, std::vector<int64_t>* ids) const {
    if (k >= std::ssize(*ids)) return;
    std::nth_element(ids->begin(), ids->begin() + k, ids->end(), MoreProbable{logits_});
    ids->resize(static_cast<size_t>(k));
  }

  // The first of `ids`, by descending probability, that reach `share` of them.
  void KeepShare(double share, std::vector<int64_t>* ids) const {
    const double enough = share * SumOf(*ids);
    double sum = 0;
    // Few tokens hold nearly all of it, so not all are sorted.
    for (std::ptrdiff_t sorted = 0; sorted < std::ssize(*ids);) {
      const auto next = std::min(std::max<std::ptrdiff_t>(64, 8 * sorted), std::ssize(*ids));
      std::partial_sort(ids->begin() + sorted, ids->begin() + next, ids->end(),
                        MoreProbable{logits_});
      for (; sorted < next; ++sorted) {
        sum += WeightOf((*ids)[static_cast<size_t>(sorted)]);
        if (sum < enough) continue;
        ids->resize(static_cast<size_t>(sorted) + 1);
        return;
      }
    }
  }

 private:
  std::span<const float> logits_;
  std::vector<double> weights_;
};

}  // namespace

KeptTokens KeepTokens(std::span<const float> logits, const Sampling& sampling) {
  const WeightedTokens tokens(logits, sampling.temperature);
  KeptTokens kept;
  kept.ids.resize(logits.size());
  std::iota(kept.ids.begin(), kept.ids.end(), 0);
  if (sampling.top_k > 0) tokens.KeepMostProbable(sampling.top_k, &kept.ids);
  if (sampling.top_p < 1) tokens.KeepShare(sampling.top_p, &kept.ids);
  std::sort(kept.ids.begin(), kept.ids.end());
  const double total = tokens.SumOf(kept.ids);
  for (const int64_t id : kept.ids) kept.probabilities.push_back(tokens.WeightOf(id) / total);
  return kept;
}

Sampler::Sampler(const Sampling& sampling, uint32_t stream) : sampling_(sampling) {
  std::seed_seq seed{static_cast<uint32_t>(sampling.seed),
                     static_cast<uint32_t>(sampling.seed >> 32), stream};
  random_.seed(seed);
}

int64_t Sampler::Next(std::span<const float> logits) {
  if (sampling_.temperature == 0) {
    return std::max_element(logits.begin(), logits.end()) - logits.begin();
  }
  const KeptTokens kept = KeepTokens(logits, sampling_);
  const double u = Uniform(&random_);
  double sum = 0;
  for (size_t i = 0; i < kept.ids.size(); ++i) {
    sum += kept.probabilities[i];
    if (sum > u) return kept.ids[i];
  }
  return kept.ids.back();  // the sum was rounded down
}

}  // namespace cajal::generation
