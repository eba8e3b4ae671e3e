#include "model/graph/node_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// TwelveNodeGraph with a picture at position 1.
class NodeSetTest : public ::testing::Test {
 protected:
  NodeSetTest() {
    graph_.image_runs = {{.image = 0, .crop = -1, .begin = 1, .end = 2}};
    forest_ = *ResolveSupernodes(graph_, std::vector<Supernode>{{"late", {"1_5_1", "3_41_1"}}});
  }

  std::vector<int32_t> Nodes(const std::vector<std::string>& names) {
    const auto nodes = NodesNamed(graph_, forest_, names, "ids");
    EXPECT_TRUE(nodes.ok()) << nodes.status();
    return nodes.value_or(std::vector<int32_t>());
  }

  AttributionGraph graph_ = TwelveNodeGraph();
  SupernodeForest forest_;
};

TEST_F(NodeSetTest, KindsAndLayersHaveNames) {
  EXPECT_THAT(Nodes({"features"}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(Nodes({"errors"}), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(Nodes({"tokens"}), ElementsAre(8, 9));
  EXPECT_THAT(Nodes({"text"}), ElementsAre(8));
  EXPECT_THAT(Nodes({"image"}), ElementsAre(9));
  EXPECT_THAT(Nodes({"logits"}), ElementsAre(10, 11));
  EXPECT_THAT(Nodes({"layers:1"}), ElementsAre(2, 3));
  EXPECT_THAT(Nodes({"layers:0-1"}), ElementsAre(0, 1, 2, 3));
}

TEST_F(NodeSetTest, IdsAndSupernodesAreSetsToo) {
  EXPECT_THAT(Nodes({"0_-1_1"}), ElementsAre(5));
  EXPECT_THAT(Nodes({"late"}), ElementsAre(3, 11));
}

TEST_F(NodeSetTest, NamesTogetherGiveEachNodeOnce) {
  EXPECT_THAT(Nodes({"tokens", "late", "E_70_1", "image", "late"}), ElementsAre(3, 8, 9, 11));
  EXPECT_THAT(Nodes({}), IsEmpty());
}

TEST_F(NodeSetTest, ANameThatSaysNothingIsRefusedWithItsPlace) {
  for (const char* name : {"early", "", "9_9_9", "layers:2", "layers:1-0", "layers:-1",
                           "layers:", "layers:0-1-1", "layers:x", "Tokens"}) {
    const auto nodes =
        NodesNamed(graph_, forest_, std::vector<std::string>{"late", name}, "source_ids");
    EXPECT_EQ(nodes.status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(FieldOf(nodes.status()), "source_ids[1]") << name;
    EXPECT_THAT(std::string(nodes.status().message()), HasSubstr(name));
  }
  EXPECT_THAT(Nodes({"late"}), ElementsAre(3, 11));
}

}  // namespace
}  // namespace cajal::graph
