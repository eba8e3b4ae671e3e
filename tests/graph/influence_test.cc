#include "model/graph/influence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/graph/graph_check.h"
#include "model/graph/scores.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

MATCHER_P(NearBy, tolerance, "") {
  return std::abs(std::get<0>(arg) - std::get<1>(arg)) <= tolerance;
}

// Worked by hand. Logit 10 passes 0.6 on over 4 + 2 + 1 + 1 = 8, logit 11 0.2 over 1 + 1; then
// feature 3 has 0.15 + 0.1 and passes it on over 3 + 1, feature 2 has 0.3 over 1 + 1 + 2, feature 1
// 0.1875 + 0.075 over 1 + 3, feature 0 0.075.
TEST(InfluenceTest, IsWhatPaperAndPencilGive) {
  const auto influence = ComputeInfluence(TwelveNodeGraph());
  ASSERT_TRUE(influence.ok()) << influence.status();
  const std::vector<double> expected = {0.075, 0.2625, 0.3,      0.25,     0, 0.15,
                                        0.1,   0.075,  0.140625, 0.334375, 0, 0};
  EXPECT_THAT(influence->nodes, Pointwise(NearBy(1e-7), expected));
}

// The inflow of a row is shared among its edges: scores of logit 10's edges are 0.6 times 4/8, 2/8,
// 1/8 and 1/8.
TEST(InfluenceTest, RowFactorTimesWeightIsTheEdgesScore) {
  const auto influence = ComputeInfluence(TwelveNodeGraph());
  ASSERT_TRUE(influence.ok());
  EXPECT_NEAR(influence->row_factor[10], 0.6 / 8, 1e-8);
  EXPECT_NEAR(influence->row_factor[3], 0.25 / 4, 1e-8);
  EXPECT_EQ(influence->row_factor[8], 0);  // tokens pass nothing on
}

TEST(InfluenceTest, RowsBelowTheClampPassOnLessThanTheyReceive) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {{10, 9, 5e-11f}});  // half of the clamp, 1e-10
  const auto influence = ComputeInfluence(graph);
  ASSERT_TRUE(influence.ok());
  EXPECT_NEAR(influence->nodes[9], 0.3, 1e-7);
}

TEST(InfluenceTest, ScoresAreWhatPaperAndPencilGive) {
  const auto scores = ComputeScores(TwelveNodeGraph());
  ASSERT_TRUE(scores.ok());
  EXPECT_NEAR(scores->replacement, 0.475 / 0.8, 1e-8);
  // By the definition, row by row: rows 2, 10 and 11 take 2/4, 1/8 and 1/2 from errors, at outflows
  // of 0.3, 0.6 and 0.2 out of 1.6875 + 0.8.
  EXPECT_NEAR(scores->completeness, 1 - (0.3 / 2 + 0.6 / 8 + 0.2 / 2) / 2.4875, 1e-8);
}

TEST(InfluenceTest, AGraphWithoutEdgesHasScoresOfZeroAndNoNaN) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {});
  const auto scores = ComputeScores(graph);
  ASSERT_TRUE(scores.ok());
  EXPECT_EQ(scores->replacement, 0);
  EXPECT_EQ(scores->completeness, 1);  // no inflow comes from errors
}

TEST(InfluenceTest, TargetsOfNoWeightHaveScoresOfZeroAndNoNaN) {
  AttributionGraph graph = TwelveNodeGraph();
  for (LogitNode& logit : graph.logits) logit.given_weight = 0.0F;
  const auto scores = ComputeScores(graph);
  ASSERT_TRUE(scores.ok());
  EXPECT_EQ(scores->replacement, 0);
  EXPECT_EQ(scores->completeness, 0);
}

TEST(InfluenceTest, AGivenWeightTakesThePlaceOfTheProbability) {
  AttributionGraph given = TwelveNodeGraph();
  AttributionGraph probable = TwelveNodeGraph();
  given.logits[0].given_weight = 0.1F;
  probable.logits[0].probability = 0.1F;
  EXPECT_EQ(ComputeInfluence(given)->nodes, ComputeInfluence(probable)->nodes);
  EXPECT_EQ(ComputeScores(given)->completeness, ComputeScores(probable)->completeness);
  EXPECT_NE(ComputeInfluence(given)->nodes, ComputeInfluence(TwelveNodeGraph())->nodes);
}

struct BadEdge {
  const char* why;
  Edge edge;
  const char* message;
};

class LayerOrderTest : public ::testing::TestWithParam<BadEdge> {};

TEST_P(LayerOrderTest, AnEdgeThatDoesNotRunForwardIsRefusedByName) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {GetParam().edge, {10, 2, 1}});
  const auto influence = ComputeInfluence(graph);
  EXPECT_EQ(influence.status().code(), absl::StatusCode::kInvalidArgument) << GetParam().why;
  EXPECT_EQ(ReasonOf(influence.status()), "NOT_LAYER_ORDERED");
  EXPECT_THAT(std::string(influence.status().message()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Edges, LayerOrderTest,
    ::testing::Values(BadEdge{"a feature of a higher layer", {0, 2, 1}, "1_0_1 -> 0_3_0"},
                      BadEdge{"a feature of the same layer", {3, 2, 1}, "1_0_1 -> 1_5_1"},
                      BadEdge{"a feature onto itself", {2, 2, 1}, "1_0_1 -> 1_0_1"},
                      BadEdge{"an error of the same layer", {2, 6, 1}, "1_-1_0 -> 1_0_1"},
                      BadEdge{"a logit into a feature", {2, 10, 1}, "3_40_1 -> 1_0_1"},
                      BadEdge{"a logit into a logit", {11, 10, 1}, "3_40_1 -> 3_41_1"},
                      BadEdge{"into an error", {5, 8, 1}, "E_2_0 -> 0_-1_1"},
                      BadEdge{"into a token", {9, 8, 1}, "E_2_0 -> E_70_1"}));

}  // namespace
}  // namespace cajal::graph
