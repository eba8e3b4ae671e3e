#include "model/gemma3/attention_layout.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cajal::gemma3 {
namespace {

using checkpoint::LayerType;

std::vector<std::string> Rows(const at::Tensor& mask) {
  std::vector<std::string> rows;
  for (int64_t q = 0; q < mask.size(0); ++q) {
    std::string row;
    for (int64_t k = 0; k < mask.size(1); ++k) row += mask[q][k].item<bool>() ? '1' : '.';
    rows.push_back(row);
  }
  return rows;
}

// Of all queries and all keys.
at::Tensor Mask(const AttentionLayout& layout, LayerType type) {
  const AttentionLayout::Run all{0, layout.n_positions()};
  return layout.AllowedMask(type, all, all);
}

// Window 4, token types 0 1 1 1 0 0: written out by hand from the rule in the header.
TEST(AttentionLayout, LetsImageTokensSeeTheirWholeImageInBothDirections) {
  const AttentionLayout layout(6, {{1, 4}}, 4);
  EXPECT_EQ(Rows(Mask(layout, LayerType::kFull)),
            (std::vector<std::string>{"1.....", "1111..", "1111..", "1111..", "11111.", "111111"}));
}

TEST(AttentionLayout, KeepsTheSlidingWindowWithImages) {
  const AttentionLayout layout(6, {{1, 4}}, 4);
  EXPECT_EQ(Rows(Mask(layout, LayerType::kSliding)),
            (std::vector<std::string>{"1.....", "1111..", "1111..", "1111..", ".1111.", "..1111"}));
}

TEST(AttentionLayout, DoesNotLetOneImageSeeALaterOne) {
  const AttentionLayout layout(5, {{0, 2}, {3, 5}}, 8);
  EXPECT_EQ(Rows(Mask(layout, LayerType::kFull)),
            (std::vector<std::string>{"11...", "11...", "111..", "11111", "11111"}));
}

// The cone must hold every key that the mask lets a query attend to.
TEST(AttentionLayout, ReachesEveryKeyThatTheMaskAllows) {
  for (const int64_t window : {1, 2, 3, 8}) {
    const AttentionLayout layout(9, {{1, 4}, {5, 8}}, window);
    for (const LayerType type : {LayerType::kFull, LayerType::kSliding}) {
      const at::Tensor mask = Mask(layout, type);
      for (int64_t begin = 0; begin < 9; ++begin) {
        for (int64_t end = begin + 1; end <= 9; ++end) {
          const auto keys = layout.ReachableKeys(type, {begin, end});
          const at::Tensor reached = mask.slice(0, begin, end).any(0).nonzero();
          EXPECT_LE(keys.begin, reached.min().item<int64_t>());
          EXPECT_GE(keys.end, reached.max().item<int64_t>() + 1);
        }
      }
    }
  }
}

TEST(AttentionLayout, ConfinesTextToItsPast) {
  const AttentionLayout layout(9, {{1, 4}}, 3);
  const auto keys = layout.ReachableKeys(LayerType::kSliding, {5, 7});
  EXPECT_EQ(keys.begin, 3);
  EXPECT_EQ(keys.end, 7);
}

}  // namespace
}  // namespace cajal::gemma3
