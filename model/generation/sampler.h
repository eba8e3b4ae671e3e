// The next token, from logits.
//
//   1. temperature 0: the largest logit wins, the smallest id among equals. No random number.
//   2. p = softmax(logits / temperature), in double precision.
//   3. top_k > 0: only the k most probable are kept, the smaller id before its equals; p is
//      normalised again.
//   4. top_p < 1: of these in the order of their probability, the first ones are kept until
//      together they reach top_p, the one that reaches it included; p is normalised again.
//   5. With u from [0, 1): the first token, in the order of the ids, at which the sum of p is above
//      u.
// Steps 2 to 4 are those of Transformers' TemperatureLogitsWarper, TopKLogitsWarper and
// TopPLogitsWarper.
//
// u = (x >> 11) * 2^-53 of x = std::mt19937_64, one for each token; the generator is seeded by
// std::seed_seq{low half of the seed, high half of the seed, stream}. The C++ standard fixes both,
// so that a seed gives the same numbers on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "model/generation/generate_request.h"

namespace cajal::generation {

// The tokens that may be drawn.
struct KeptTokens {
  std::vector<int64_t> ids;           // ascending
  std::vector<double> probabilities;  // of each; they add up to 1
};

// Steps 2 to 4. logits: [vocab]; temperature must be above 0.
KeptTokens KeepTokens(std::span<const float> logits, const Sampling& sampling);

// Of one sequence. One thread at a time.
class Sampler {
 public:
  // stream: sequences with different ones get independent random numbers.
  Sampler(const Sampling& sampling, uint32_t stream);

  // logits: [vocab]. Returns the token's id.
  int64_t Next(std::span<const float> logits);

 private:
  Sampling sampling_;
  std::mt19937_64 random_;
};

}  // namespace cajal::generation
