// Against closed forms: the softmax, and hand-made distributions.
#include "model/generation/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace cajal::generation {
namespace {

// Logits of given probabilities.
std::vector<float> LogitsOf(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

std::vector<int64_t> Draw(const Sampling& sampling, uint32_t stream,
                          const std::vector<float>& logits, int n) {
  Sampler sampler(sampling, stream);
  std::vector<int64_t> ids;
  for (int i = 0; i < n; ++i) ids.push_back(sampler.Next(logits));
  return ids;
}

const std::vector<double> kProbabilities = {0.1, 0.4, 0.05, 0.25, 0.2};

TEST(Sampler, GreedyTakesTheLargestLogitAndTheSmallestIdAmongEquals) {
  const std::vector<float> logits = {1, 4, 2, 4};
  EXPECT_EQ(Draw({}, 0, logits, 3), (std::vector<int64_t>{1, 1, 1}));
}

TEST(Sampler, TopOneIsGreedyAtAnyTemperature) {
  const std::vector<float> logits = {1, 4, 2, 4};
  for (const double temperature : {0.1, 1.0, 100.0}) {
    EXPECT_EQ(Draw({.temperature = temperature, .top_k = 1}, 3, logits, 20),
              std::vector<int64_t>(20, 1));
  }
}

// n draws of a token of probability p: its share has the standard deviation sqrt(p (1 - p) / n).
// The seed is fixed, so the bound of four of them holds always or never.
TEST(Sampler, SharesOfManyDrawsAreTheSoftmaxOfTheLogitsOverTheTemperature) {
  constexpr int kDraws = 40'000;
  const std::vector<float> logits = LogitsOf(kProbabilities);
  for (const double temperature : {0.5, 1.0, 2.0}) {
    double total = 0;
    for (const double p : kProbabilities) total += std::pow(p, 1 / temperature);
    std::vector<int> counts(logits.size());
    for (const int64_t id : Draw({.temperature = temperature, .seed = 1}, 0, logits, kDraws)) {
      ++counts[static_cast<size_t>(id)];
    }
    for (size_t i = 0; i < logits.size(); ++i) {
      const double p = std::pow(kProbabilities[i], 1 / temperature) / total;
      EXPECT_NEAR(static_cast<double>(counts[i]) / kDraws, p, 4 * std::sqrt(p * (1 - p) / kDraws))
          << "token " << i << " at temperature " << temperature;
    }
  }
}

TEST(Sampler, TheSameSeedGivesTheSameTokensAndAnotherSeedOrStreamOthers) {
  const std::vector<float> logits(100, 0.0F);
  const Sampling sampling{.temperature = 1, .seed = 7};
  const std::vector<int64_t> ids = Draw(sampling, 0, logits, 50);
  EXPECT_EQ(Draw(sampling, 0, logits, 50), ids);
  EXPECT_NE(Draw(sampling, 1, logits, 50), ids);
  EXPECT_NE(Draw({.temperature = 1, .seed = 8}, 0, logits, 50), ids);
  EXPECT_NE(Draw({.temperature = 1, .seed = 7 + (uint64_t{1} << 32)}, 0, logits, 50), ids);
}

TEST(Sampler, DrawsAtTheDocumentedNumbers) {
  // 1024 equal tokens, whose probability is exact: the sum goes above u at floor(1024 u).
  std::seed_seq seed{7U, 0U, 2U};
  std::mt19937_64 generator(seed);
  const std::vector<float> logits(1024, 0.0F);
  const std::vector<int64_t> ids = Draw({.temperature = 1, .seed = 7}, 2, logits, 20);
  for (const int64_t id : ids) {
    const double u = std::ldexp(static_cast<double>(generator() >> 11), -53);
    EXPECT_EQ(id, static_cast<int64_t>(std::floor(1024 * u)));
  }
}

TEST(KeepTokens, TopKKeepsTheMostProbableAndScalesThemUp) {
  const KeptTokens kept = KeepTokens(LogitsOf(kProbabilities), {.temperature = 1, .top_k = 3});
  EXPECT_EQ(kept.ids, (std::vector<int64_t>{1, 3, 4}));
  EXPECT_NEAR(kept.probabilities[0], 0.4 / 0.85, 1e-6);
  EXPECT_NEAR(kept.probabilities[1], 0.25 / 0.85, 1e-6);
  EXPECT_NEAR(kept.probabilities[2], 0.2 / 0.85, 1e-6);
}

TEST(KeepTokens, TopKKeepsTheSmallerIdOfEquals) {
  const std::vector<float> logits = {0, 1, 1, 1};
  EXPECT_EQ(KeepTokens(logits, {.temperature = 1, .top_k = 2}).ids, (std::vector<int64_t>{1, 2}));
}

// Sums from the top: 0.4, 0.65, 0.85, 0.95, 1.
TEST(KeepTokens, TopPKeepsTheFirstThatReachItIncludingTheOneThatDoes) {
  const std::vector<float> logits = LogitsOf(kProbabilities);
  const auto ids = [&](double top_p) {
    return KeepTokens(logits, {.temperature = 1, .top_p = top_p}).ids;
  };
  EXPECT_EQ(ids(0.01), (std::vector<int64_t>{1}));
  EXPECT_EQ(ids(0.41), (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(ids(0.84), (std::vector<int64_t>{1, 3, 4}));
  EXPECT_EQ(ids(0.86), (std::vector<int64_t>{0, 1, 3, 4}));
  EXPECT_EQ(ids(1.0), (std::vector<int64_t>{0, 1, 2, 3, 4}));
}

TEST(KeepTokens, TopPCountsWhatTopKHasLeft) {
  // 0.4 and 0.25 are 0.615 and 0.385 of what is left.
  const std::vector<float> logits = LogitsOf(kProbabilities);
  EXPECT_EQ(KeepTokens(logits, {.temperature = 1, .top_k = 2, .top_p = 0.6}).ids,
            (std::vector<int64_t>{1}));
}

TEST(KeepTokens, TopPGoesThroughALargeFlatVocabulary) {
  const std::vector<float> logits(5000, 0.0F);
  EXPECT_EQ(KeepTokens(logits, {.temperature = 1, .top_p = 0.5001}).ids.size(), 2501U);
}

}  // namespace
}  // namespace cajal::generation
