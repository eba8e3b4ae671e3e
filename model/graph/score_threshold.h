// Which score cuts a list so that what stays holds a wanted fraction of the total
// (circuit-tracer: find_threshold).
#pragma once

#include <vector>

namespace cajal::graph {

// Sort the scores in descending order and add them up: the answer is the first score at which the
// running sum reaches `fraction` of the total, and never a zero, so that >= keeps no score of zero.
// A fraction of 1 keeps every score above zero, whatever rounding does to the sums. 0 when no score
// is above zero.
//
// scores: finite, >= 0; taken by value because they are reordered. fraction: [0, 1]. Runs in linear
// time: a radix select that adds up weights, no sort.
double ScoreThreshold(std::vector<double> scores, double fraction);

}  // namespace cajal::graph
