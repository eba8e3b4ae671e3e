#include "model/graph/node.h"

#include <gtest/gtest.h>

#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

TEST(NodeWithIdTest, EveryNodeIsFoundByItsOwnId) {
  for (const AttributionGraph& graph : {TwelveNodeGraph(), RandomGraph(3, 40)}) {
    for (int32_t node = 0; node < graph.n_nodes(); ++node) {
      EXPECT_EQ(NodeWithId(graph, NodeId(graph, node)), node) << NodeId(graph, node);
    }
  }
}

TEST(NodeWithIdTest, IdsAreCircuitTracers) {
  const AttributionGraph graph = TwelveNodeGraph();
  EXPECT_EQ(NodeWithId(graph, "1_5_1"), 3);
  EXPECT_EQ(NodeWithId(graph, "1_-1_0"), 6);
  EXPECT_EQ(NodeWithId(graph, "E_70_1"), 9);
  EXPECT_EQ(NodeWithId(graph, "3_41_1"), 11);
}

TEST(NodeWithIdTest, OneTokenAtTwoPositionsIsTwoTargets) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.logits[1].token_id = graph.logits[0].token_id;
  graph.logits[1].position = 0;
  EXPECT_EQ(NodeId(graph, 10), "3_40_1");
  EXPECT_EQ(NodeId(graph, 11), "3_40_0");
  EXPECT_EQ(NodeWithId(graph, "3_40_0"), 11);
}

class NoNodeTest : public ::testing::TestWithParam<const char*> {};

TEST_P(NoNodeTest, HasThisId) {
  EXPECT_EQ(NodeWithId(TwelveNodeGraph(), GetParam()), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Ids, NoNodeTest,
                         ::testing::Values("", "_", "__", "1_5", "1_5_1_0", "1_4_1", "2_5_1",
                                           "1_5_2", "1_5_-1", "01_5_1", "1_5_1 ", "2_-1_0",
                                           "-1_-1_0", "1_-1_2", "E_71_1", "E_70_0", "E_70_2",
                                           "e_70_1", "3_42_1", "2_41_1", "3_41_0",
                                           "99999999999999999999_5_1"));

}  // namespace
}  // namespace cajal::graph
