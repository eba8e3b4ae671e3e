// The order in which things are taken at random, the same on every machine and with every standard
// library: std::shuffle and the distributions of <random> promise no sequence.
#pragma once

#include <cstdint>
#include <vector>

namespace cajal::corpus {

// 0 … n-1 in an order that the two numbers decide: a seed, and what is counted (an epoch, a block).
// Each order is equally likely, up to 2^-64. Uses 8 n bytes.
std::vector<int64_t> SeededPermutation(int64_t n, uint64_t seed, uint64_t number);

}  // namespace cajal::corpus
