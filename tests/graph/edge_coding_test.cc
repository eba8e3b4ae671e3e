#include "model/graph/edge_coding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

absl::StatusOr<EdgeMatrix> Decode(const std::string& bytes, const std::vector<int64_t>& row_begin) {
  EdgeMatrix edges{.row_begin = row_begin};
  int32_t next_row = 0;
  const auto n_nodes = static_cast<int32_t>(row_begin.size()) - 1;
  if (absl::Status status = DecodeRows(bytes, n_nodes, &next_row, &edges); !status.ok()) {
    return status;
  }
  EXPECT_EQ(next_row, n_nodes);
  return edges;
}

// Rows of every density, empty and full ones among them.
EdgeMatrix RandomEdges(uint64_t seed, int32_t n_nodes) {
  std::mt19937_64 random(seed);
  std::vector<Edge> edges;
  for (int32_t row = 0; row < n_nodes; ++row) {
    const uint64_t percent = std::min<uint64_t>(random() % 121, 100);
    for (int32_t column = 0; column < n_nodes; ++column) {
      if (random() % 100 >= percent) continue;
      const auto bits = static_cast<uint32_t>(random());
      const auto weight = std::bit_cast<float>(bits);
      edges.emplace_back(row, column, std::isfinite(weight) ? weight : 0.5f);
    }
  }
  return MakeEdges(n_nodes, std::move(edges));
}

TEST(RoundToBFloat16Test, TakesTheNearestAndOfTwoTheEven) {
  EXPECT_EQ(RoundToBFloat16(1.0f), 1.0f);
  EXPECT_EQ(RoundToBFloat16(0.0f), 0.0f);
  EXPECT_EQ(RoundToBFloat16(1.0f + 0x1p-8f), 1.0f);  // half way to 1 + 2^-7, which is odd
  EXPECT_EQ(RoundToBFloat16(1.0f + 0x1p-8f + 0x1p-20f), 1.0f + 0x1p-7f);
  EXPECT_EQ(RoundToBFloat16(1.0f + 3 * 0x1p-8f), 1.0f + 0x1p-6f);
  EXPECT_EQ(RoundToBFloat16(-1.0f - 3 * 0x1p-8f), -1.0f - 0x1p-6f);
  EXPECT_EQ(RoundToBFloat16(0x1p-140f), 0.0f);
}

TEST(RoundToBFloat16Test, StaysFinite) {
  const float largest = std::bit_cast<float>(0x7f7f0000u);
  EXPECT_EQ(RoundToBFloat16(std::numeric_limits<float>::max()), largest);
  EXPECT_EQ(RoundToBFloat16(-std::numeric_limits<float>::max()), -largest);
}

TEST(EdgeCodingTest, FewColumnsAreDistancesAndWeightsAreBytePlanes) {
  // 1 = 0x3f800000: exponent 0x7f. -2 = 0xc0000000: sign, exponent 0x80.
  const EdgeMatrix edges = MakeEdges(6, {{0, 3, 1.0f}, {0, 5, -2.0f}});
  EXPECT_EQ(EncodeRows(edges, {0, 6}, WeightCoding::kFloat32),
            Bytes({0, 0, 0, 0, 0, 6, 0, 0, 0,           // float32, rows 0 to 6
                   6, 1,                                // 2 * 3, 5 - 3 - 1
                   0, 0, 0, 0, 0, 0x80, 0x7f, 0x80}));  // four planes of two
  EXPECT_EQ(EncodeRows(edges, {0, 1}, WeightCoding::kBFloat16),
            Bytes({1, 0, 0, 0, 0, 1, 0, 0, 0, 6, 1, 0, 0x80, 0x7f, 0x80}));
}

TEST(EdgeCodingTest, ManyColumnsAreBits) {
  std::vector<Edge> row;
  for (int32_t column = 2; column < 19; ++column) {
    if (column != 4) row.emplace_back(0, column, 1.0f);
  }
  const std::string bytes = EncodeRows(MakeEdges(20, row), {0, 1}, WeightCoding::kBFloat16);
  // 2 * 2 + 1, 18 - 2, then columns 2 to 18 with the third of them missing.
  EXPECT_EQ(bytes.substr(9, 5), Bytes({5, 16, 0xfb, 0xff, 0x01}));
  EXPECT_EQ(bytes.size(), 9u + 5 + 2 * 16);
}

TEST(EdgeCodingTest, Float32ComesBackToTheBitFromAnyCutOfTheRows) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const int32_t n_nodes = 1 + static_cast<int32_t>(seed) * 17;
    const EdgeMatrix edges = RandomEdges(seed, n_nodes);
    EdgeMatrix read{.row_begin = edges.row_begin};
    int32_t next_row = 0;
    for (int32_t cut : {n_nodes / 3, n_nodes / 2, n_nodes}) {
      const std::string bytes = EncodeRows(edges, {next_row, cut}, WeightCoding::kFloat32);
      ASSERT_TRUE(DecodeRows(bytes, n_nodes, &next_row, &read).ok()) << seed;
      ASSERT_EQ(next_row, cut);
    }
    EXPECT_EQ(read.columns, edges.columns) << seed;
    ASSERT_EQ(read.weights.size(), edges.weights.size());
    for (size_t e = 0; e < edges.weights.size(); ++e) {
      ASSERT_EQ(std::bit_cast<uint32_t>(read.weights[e]),
                std::bit_cast<uint32_t>(edges.weights[e]));
    }
  }
}

TEST(EdgeCodingTest, BFloat16IsOffByLessThanHalfAPercent) {
  const EdgeMatrix edges = MakeEdges(
      4, {{0, 1, 0.1f}, {0, 2, -123.456f}, {1, 0, 1e-20f}, {3, 0, 3e38f}, {3, 3, -7e-3f}});
  const auto read = Decode(EncodeRows(edges, {0, 4}, WeightCoding::kBFloat16), edges.row_begin);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->columns, edges.columns);
  for (size_t e = 0; e < edges.weights.size(); ++e) {
    EXPECT_NEAR(read->weights[e], edges.weights[e], std::abs(edges.weights[e]) * 0x1p-8f);
    EXPECT_EQ(std::bit_cast<uint32_t>(read->weights[e]) & 0xffff, 0u);
  }
}

TEST(EdgeCodingTest, DamagedBytesAreAnErrorOrColumnsInOrder) {
  const EdgeMatrix edges = RandomEdges(3, 60);
  const std::string good = EncodeRows(edges, {0, 60}, WeightCoding::kFloat32);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(Decode(good.substr(0, size), edges.row_begin).status().code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
  EXPECT_EQ(Decode(good + "x", edges.row_begin).status().code(), absl::StatusCode::kDataLoss);
  std::mt19937 random(1);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 + random() % 255));
    const auto read = Decode(bad, edges.row_begin);
    if (!read.ok()) continue;
    for (int32_t row = 0; row < 60; ++row) {
      int32_t previous = -1;
      for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
        ASSERT_GT(read->columns[e], previous);
        ASSERT_LT(read->columns[e], 60);
        previous = read->columns[e];
      }
    }
  }
  EXPECT_TRUE(Decode(good, edges.row_begin).ok());
}

TEST(EdgeCodingTest, RowsThatDoNotFollowAreAnError) {
  const EdgeMatrix edges = RandomEdges(4, 10);
  EdgeMatrix read{.row_begin = edges.row_begin};
  int32_t next_row = 0;
  const std::string second = EncodeRows(edges, {5, 10}, WeightCoding::kFloat32);
  EXPECT_FALSE(DecodeRows(second, 10, &next_row, &read).ok());
  EXPECT_EQ(next_row, 0);
}

}  // namespace
}  // namespace cajal::graph
