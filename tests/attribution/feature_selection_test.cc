// Which features are selected, against rankings worked out from the complete graph.
#include "model/attribution/feature_selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "model/attribution/attribute.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace cajal::attribution {
namespace {

using graph::AttributionGraph;
using testing::IsOk;

constexpr int32_t kSelected = 12;

class SelectionTest : public ::testing::Test {
 protected:
  AttributionGraph Trace(const graph::GraphSettings& settings) {
    RunContext context;
    SweepWorkers workers;
    auto graph = Attribute(model_, FoldModel(model_, *transcoders_), *transcoders_, input_,
                           {.settings = settings}, &workers, &context);
    EXPECT_THAT(graph, IsOk());
    return *std::move(graph);
  }

  gemma3::Model model_ = testing::MakeRandomModel({}, 7);
  std::unique_ptr<transcoder::TranscoderSet> transcoders_ =
      testing::MakeRandomTranscoders(model_, {}, 8);
  gemma3::ModelInput input_{.token_ids = testing::RandomTensors(9).TokenIds(6, 40)};
};

// The features that carry the largest shares of the logits' own rows, weighted by probability.
std::vector<int64_t> MostDirect(const AttributionGraph& graph, int32_t n) {
  std::vector<double> influence(graph.active_features.size(), 0.0);
  for (int32_t k = 0; k < graph.n_logits(); ++k) {
    const auto row = static_cast<size_t>(graph.first_logit()) + static_cast<size_t>(k);
    double sum = 0;
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      sum += std::abs(graph.edges.weights[e]);
    }
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      const int32_t source = graph.edges.columns[e];
      if (source < graph.first_error()) {
        influence[source] += graph.logits[k].probability * std::abs(graph.edges.weights[e]) / sum;
      }
    }
  }
  std::vector<int64_t> order(influence.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return influence[a] > influence[b]; });
  order.resize(static_cast<size_t>(n));
  std::sort(order.begin(), order.end());
  return order;
}

// Features of the last layer act on the last position alone, so those of all other positions have
// no influence: a tie of exact zeros.
TEST_F(SelectionTest, TakesTheFirstOfEquallyInfluentialFeatures) {
  const AttributionGraph all = Trace({.max_feature_nodes = 0});
  std::vector<int64_t> without, with;
  for (size_t i = 0; i < all.active_features.size(); ++i) {
    const graph::FeatureNode& feature = all.active_features[i];
    const bool is_idle =
        feature.layer == all.n_layers - 1 && feature.position < all.n_positions() - 1;
    (is_idle ? without : with).push_back(static_cast<int64_t>(i));
  }
  ASSERT_GT(without.size(), 3u);
  std::vector<int64_t> expected = with;
  expected.insert(expected.end(), without.begin(), without.begin() + 3);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(Trace({.max_feature_nodes = static_cast<int32_t>(expected.size())}).selected_features,
            expected);
}

TEST_F(SelectionTest, RanksOnceByTheLogitsOwnRowsWhenAskedTo) {
  const std::vector<int64_t> direct = MostDirect(Trace({.max_feature_nodes = 0}), kSelected);
  graph::GraphSettings settings{
      .max_feature_nodes = kSelected, .batch_size = 1, .update_interval = 1, .rank_once = true};
  EXPECT_EQ(Trace(settings).selected_features, direct);
  // Ranked anew after every row, others come first: the case can tell the two apart.
  settings.rank_once = false;
  EXPECT_NE(Trace(settings).selected_features, direct);
}

}  // namespace
}  // namespace cajal::attribution
