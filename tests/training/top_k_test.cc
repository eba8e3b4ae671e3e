// The k largest positive entries of a row, against a sort of all of them.
#include "model/training/top_k.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace cajal::training {
namespace {

struct Selection {
  std::vector<float> values;
  std::vector<int64_t> indices;
  bool operator==(const Selection&) const = default;
};

Selection Select(const std::vector<float>& x, const std::vector<float>& bias, int64_t k) {
  Selection result{std::vector<float>(static_cast<size_t>(k), -1),
                   std::vector<int64_t>(static_cast<size_t>(k), -1)};
  TopKSelector(k).Select(x.data(), bias.data(), static_cast<int64_t>(x.size()),
                         result.values.data(), result.indices.data());
  return result;
}

Selection Select(const std::vector<float>& x, int64_t k) {
  return Select(x, std::vector<float>(x.size(), 0), k);
}

// A stable sort by value keeps equal values in the order of their indices.
Selection SelectBySorting(const std::vector<float>& x, int64_t k) {
  std::vector<int64_t> order(x.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return x[static_cast<size_t>(a)] > x[static_cast<size_t>(b)];
  });
  order.resize(static_cast<size_t>(k));
  std::erase_if(order, [&](int64_t i) { return x[static_cast<size_t>(i)] <= 0; });
  std::sort(order.begin(), order.end());
  Selection result{{}, order};
  for (const int64_t i : order) result.values.push_back(x[static_cast<size_t>(i)]);
  result.values.resize(static_cast<size_t>(k), 0);
  result.indices.resize(static_cast<size_t>(k), 0);
  return result;
}

TEST(TopKTest, EqualsASortOnRandomRowsOfManyLengths) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const size_t n : {1, 31, 32, 33, 100, 1000, 5000}) {
    for (const size_t k : {1, 2, 16, 48}) {
      if (k > n) continue;
      std::vector<float> x(n);
      for (float& value : x) value = normal(random);
      EXPECT_EQ(Select(x, static_cast<int64_t>(k)), SelectBySorting(x, static_cast<int64_t>(k)))
          << n << " " << k;
    }
  }
}

TEST(TopKTest, GivesTiesToTheLowerIndex) {
  std::mt19937 random(2);
  std::vector<float> x(3000);
  for (float& value : x) value = static_cast<float>(random() % 5) - 1;
  for (const int64_t k : {3, 40, 2000}) EXPECT_EQ(Select(x, k), SelectBySorting(x, k)) << k;
}

TEST(TopKTest, EqualsASortWhereEveryEntryBeatsTheOnesBefore) {
  std::vector<float> x(2000);
  std::iota(x.begin(), x.end(), 1.0f);
  EXPECT_EQ(Select(x, 48), SelectBySorting(x, 48));
  std::reverse(x.begin(), x.end());
  EXPECT_EQ(Select(x, 48), SelectBySorting(x, 48));
}

TEST(TopKTest, LeavesSlotsUnusedWhereFewerArePositive) {
  EXPECT_EQ(Select({-1, 0, 2, -3, 0.5}, 4), (Selection{{2, 0.5, 0, 0}, {2, 4, 0, 0}}));
  EXPECT_EQ(Select({-1, 0, -2}, 2), (Selection{{0, 0}, {0, 0}}));
}

TEST(TopKTest, RanksWhatTheBiasMakesOfTheEntries) {
  EXPECT_EQ(Select({5, 1, 2, 3}, {-9, 3, 0, 0.5}, 2), (Selection{{4, 3.5}, {1, 3}}));
}

TEST(TopKTest, ForgetsTheRowBefore) {
  TopKSelector selector(2);
  const std::vector<float> zeros(3, 0);
  std::vector<float> values(2);
  std::vector<int64_t> indices(2);
  const std::vector<float> large = {7, 8, 9};
  const std::vector<float> small = {0, 1, 0};
  selector.Select(large.data(), zeros.data(), 3, values.data(), indices.data());
  selector.Select(small.data(), zeros.data(), 3, values.data(), indices.data());
  EXPECT_EQ(values, (std::vector<float>{1, 0}));
  EXPECT_EQ(indices, (std::vector<int64_t>{1, 0}));
}

}  // namespace
}  // namespace cajal::training
