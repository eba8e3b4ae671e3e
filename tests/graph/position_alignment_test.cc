#include "model/graph/position_alignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace cajal::graph {
namespace {

using ::testing::ElementsAre;

// A prompt of text tokens; each 0 < -n is a picture of n tokens.
AttributionGraph Prompt(const std::vector<int64_t>& pieces) {
  AttributionGraph graph;
  for (const int64_t piece : pieces) {
    if (piece >= 0) {
      graph.input_tokens.push_back(piece);
      continue;
    }
    const int32_t begin = graph.n_positions();
    graph.input_tokens.insert(graph.input_tokens.end(), -piece, 262144);
    graph.image_runs.push_back({.image = static_cast<int32_t>(graph.image_runs.size()),
                                .begin = begin,
                                .end = graph.n_positions()});
  }
  graph.token_texts.resize(graph.input_tokens.size());
  return graph;
}

std::vector<int32_t> Align(const std::vector<int64_t>& base, const std::vector<int64_t>& other) {
  return AlignPositions(Prompt(base), Prompt(other)).other_of;
}

TEST(AlignPositionsTest, TheSamePromptAlignsWithItself) {
  EXPECT_THAT(Align({2, -4, 7, 8}, {2, -4, 7, 8}), ElementsAre(0, 1, 2, 3, 4, 5, 6));
}

TEST(AlignPositionsTest, AnotherWordStandsWhereTheFirstOneStood) {
  EXPECT_THAT(Align({2, 10, 20, 30}, {2, 10, 21, 30}), ElementsAre(0, 1, 2, 3));
}

TEST(AlignPositionsTest, WhatComesAfterALongerWordMovesOn) {
  EXPECT_THAT(Align({2, 10, 20, 30, 40}, {2, 10, 21, 22, 30, 40}), ElementsAre(0, 1, -1, 4, 5));
  EXPECT_THAT(AlignPositions(Prompt({2, 10, 20, 30, 40}), Prompt({2, 10, 21, 22, 30, 40})).base_of,
              ElementsAre(0, 1, -1, -1, 3, 4));
}

TEST(AlignPositionsTest, PicturesOfTheSameSizeCorrespondPlaceByPlace) {
  EXPECT_THAT(Align({2, 5, -4, 7}, {2, -4, 7}), ElementsAre(0, -1, 1, 2, 3, 4, 5));
  // One of another size does not.
  EXPECT_THAT(Align({2, -4, 7}, {2, -9, 7}), ElementsAre(0, -1, -1, -1, -1, 10));
}

TEST(AlignPositionsTest, APictureDoesNotStandForAWord) {
  EXPECT_THAT(Align({2, -1, 7}, {2, 5, 7}), ElementsAre(0, -1, 2));
}

TEST(AlignPositionsTest, TheLastPositionsCorrespondWhateverTheyAre) {
  EXPECT_THAT(Align({2, 10, 11, 12}, {2, 20, 21}), ElementsAre(0, -1, -1, 2));
}

TEST(AlignPositionsTest, CommonWordsWithinTheDifferenceAreFound) {
  // "10 11 12 13" and "20 11 21 22 13" share 11 and 13.
  EXPECT_THAT(Align({2, 10, 11, 12, 13, 3}, {2, 20, 11, 21, 22, 13, 3}),
              ElementsAre(0, 1, 2, -1, 5, 6));
}

// By trying every subset of the base's tokens.
int LongestCommon(const std::vector<int64_t>& base, const std::vector<int64_t>& other) {
  int longest = 0;
  for (unsigned subset = 0; subset < (1u << base.size()); ++subset) {
    size_t next = 0;
    int length = 0;
    bool fits = true;
    for (size_t i = 0; i < base.size() && fits; ++i) {
      if ((subset >> i & 1u) == 0) continue;
      while (next < other.size() && other[next] != base[i]) ++next;
      fits = next++ < other.size();
      ++length;
    }
    if (fits) longest = std::max(longest, length);
  }
  return longest;
}

TEST(AlignPositionsTest, AsManyTokensCorrespondAsTheTwoHaveInCommonAndTheOrderStays) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> base(1 + random() % 9);
    std::vector<int64_t> other(1 + random() % 9);
    for (int64_t& token : base) token = random() % 4;
    for (int64_t& token : other) token = random() % 4;
    const PositionAlignment alignment = AlignPositions(Prompt(base), Prompt(other));
    int n_same = 0;
    int32_t before = -1;
    for (size_t i = 0; i < base.size(); ++i) {
      const int32_t partner = alignment.other_of[i];
      if (partner < 0) continue;
      EXPECT_GT(partner, before);
      before = partner;
      EXPECT_EQ(alignment.base_of[partner], static_cast<int32_t>(i));
      n_same += base[i] == other[partner];
    }
    EXPECT_EQ(n_same, LongestCommon(base, other));
  }
}

}  // namespace
}  // namespace cajal::graph
