#include "model/graph/influence_shares.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

// Influences of TwelveNodeGraph as in pruning_test.cc: 9 .334375, 2 .3, 1 .2625, 3 .25, 5 .15, 8
// .140625, …, of 1.6875 in all. Position 1 is made an image.
TEST(InfluenceSharesTest, AreSumsOverKindLayerAndModality) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.image_runs = {{.image = 0, .crop = -1, .begin = 1, .end = 2}};
  const auto pruning = PruneGraph(graph, {0.7, 0.55});  // keeps 2, 5, 8, 9 and the logits
  ASSERT_TRUE(pruning.ok());
  const std::vector<InfluenceCell> cells = InfluenceShares(graph, *pruning);
  ASSERT_EQ(cells.size(), 9u);

  const auto cell = [&](NodeKind kind, int32_t layer, bool is_image) {
    return *std::find_if(cells.begin(), cells.end(), [&](const InfluenceCell& c) {
      return c.kind == kind && c.layer == layer && c.is_image == is_image;
    });
  };
  const InfluenceCell features = cell(NodeKind::kFeature, 1, true);  // 2 and 3
  EXPECT_EQ(features.n_nodes, 2);
  EXPECT_EQ(features.n_kept_nodes, 1);
  EXPECT_NEAR(features.share, (0.3 + 0.25) / 1.6875, 1e-6);
  EXPECT_NEAR(features.kept_share, 0.3 / 1.6875, 1e-6);
  EXPECT_NEAR(cell(NodeKind::kError, 0, true).share, 0.15 / 1.6875, 1e-6);
  EXPECT_NEAR(cell(NodeKind::kToken, -1, true).share, 0.334375 / 1.6875, 1e-6);
  EXPECT_EQ(cell(NodeKind::kError, 0, false).n_kept_nodes, 0);

  double sum = 0;
  for (const InfluenceCell& c : cells) sum += c.share;
  EXPECT_NEAR(sum, 1, 1e-12);
}

TEST(InfluenceSharesTest, CellsWithoutNodesAreLeftOut) {
  const AttributionGraph graph = TwelveNodeGraph();
  for (const InfluenceCell& cell : InfluenceShares(graph, *PruneGraph(graph, {}))) {
    EXPECT_FALSE(cell.is_image);
    EXPECT_GT(cell.n_nodes, 0);
  }
}

TEST(InfluenceSharesTest, WithoutInfluenceAllSharesAreZero) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {});
  for (const InfluenceCell& cell : InfluenceShares(graph, *PruneGraph(graph, {}))) {
    EXPECT_EQ(cell.share, 0);
  }
}

}  // namespace
}  // namespace cajal::graph
