#include "model/graph/token_influence.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

std::vector<double> On(const AttributionGraph& graph, const std::vector<int32_t>& nodes) {
  const auto tokens = InfluenceOnTokens(graph, nodes);
  EXPECT_TRUE(tokens.ok()) << tokens.status();
  return *tokens;
}

// Tokens 8 and 9 of the graph worked by hand in influence_test.cc.
TEST(InfluenceOnTokens, OfTheAnswerIsTheTokensOwnInfluence) {
  const std::vector<double> tokens = On(TwelveNodeGraph(), {10, 11});
  EXPECT_NEAR(tokens[0], 0.140625, 1e-7);
  EXPECT_NEAR(tokens[1], 0.334375, 1e-7);
}

// Feature 3 has 0.25: a quarter goes to token 9 at once, the rest to feature 1, which passes it on
// over 1 + 3.
TEST(InfluenceOnTokens, OfAFeatureIsWhatItsInfluenceGoesBackTo) {
  const std::vector<double> tokens = On(TwelveNodeGraph(), {3});
  EXPECT_NEAR(tokens[0], 0.25 * 0.75 / 4, 1e-7);
  EXPECT_NEAR(tokens[1], 0.25 * 0.25 + 0.25 * 0.75 * 0.75, 1e-7);
}

TEST(InfluenceOnTokens, AddsUpOverNodesAndCountsTokensThemselves) {
  const std::vector<double> both = On(TwelveNodeGraph(), {0, 8});
  EXPECT_NEAR(both[0], 0.075 + 0.140625, 1e-7);
  EXPECT_EQ(both[1], 0);
}

TEST(InfluenceOnTokens, CountsNodesThatDoNotReachTheAnswerAlike) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {{0, 8, 2}, {1, 8, 1}, {1, 9, -3}});
  const std::vector<double> tokens = On(graph, {0, 1});
  EXPECT_NEAR(tokens[0], 1.25, 1e-7);
  EXPECT_NEAR(tokens[1], 0.75, 1e-7);
}

}  // namespace
}  // namespace cajal::graph
