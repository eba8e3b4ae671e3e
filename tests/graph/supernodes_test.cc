#include "model/graph/supernodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(SupernodesTest, MembersAreFoundByIdAndSupernodesHoldSupernodes) {
  const std::vector<Supernode> supernodes = {{"all early", {"early", "E_2_0"}},
                                             {"early", {"0_1_1", "0_3_0"}},
                                             {"answers", {"3_41_1", "3_40_1"}}};
  const auto forest = ResolveSupernodes(TwelveNodeGraph(), supernodes);
  ASSERT_TRUE(forest.ok()) << forest.status();
  EXPECT_THAT(forest->entries[0].nodes, ElementsAre(0, 1, 8));
  EXPECT_THAT(forest->entries[0].children, ElementsAre(1));
  EXPECT_EQ(forest->entries[0].parent, -1);
  EXPECT_THAT(forest->entries[1].nodes, ElementsAre(0, 1));
  EXPECT_EQ(forest->entries[1].parent, 0);
  EXPECT_THAT(forest->entries[2].nodes, ElementsAre(10, 11));
  EXPECT_THAT(forest->entries[2].children, IsEmpty());
  EXPECT_EQ(forest->Find("answers"), 2);
  EXPECT_EQ(forest->Find("questions"), -1);
}

struct BadSupernodes {
  const char* name;
  std::vector<Supernode> supernodes;
  const char* field;
  const char* message;
};

class BadSupernodesTest : public ::testing::TestWithParam<BadSupernodes> {};

TEST_P(BadSupernodesTest, AreRefusedByFieldAndGoodOnesAreTakenAfterwards) {
  const AttributionGraph graph = TwelveNodeGraph();
  const absl::Status status = ResolveSupernodes(graph, GetParam().supernodes).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldOf(status), GetParam().field);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
  EXPECT_TRUE(ResolveSupernodes(graph, std::vector<Supernode>{{"good", {"1_5_1"}}}).ok());
}

INSTANTIATE_TEST_SUITE_P(
    Lists, BadSupernodesTest,
    ::testing::Values(
        BadSupernodes{"NoName", {{"", {"1_5_1"}}}, "supernodes[0].name", "1 to 128 bytes"},
        BadSupernodes{
            "LongName", {{std::string(129, 'x'), {"1_5_1"}}}, "supernodes[0].name", "128"},
        BadSupernodes{"Comma", {{"a,b", {"1_5_1"}}}, "supernodes[0].name", "commas"},
        BadSupernodes{"LineBreak", {{"a\nb", {"1_5_1"}}}, "supernodes[0].name", "control"},
        BadSupernodes{"SetName", {{"image", {"1_5_1"}}}, "supernodes[0].name", "set of nodes"},
        BadSupernodes{"Layers", {{"layers:1", {"1_5_1"}}}, "supernodes[0].name", "set of nodes"},
        BadSupernodes{"NodeId", {{"4_4_4", {"1_5_1"}}}, "supernodes[0].name", "id of a node"},
        BadSupernodes{
            "Twice", {{"a", {"1_5_1"}}, {"a", {"1_0_1"}}}, "supernodes[1].name", "stands twice"},
        BadSupernodes{"NoMembers", {{"a", {}}}, "supernodes[0].members", "1 to 4000"},
        BadSupernodes{"TooManyMembers",
                      {{"a", std::vector<std::string>(4001, "1_5_1")}},
                      "supernodes[0].members",
                      "not 4001"},
        BadSupernodes{
            "NoSuchNode", {{"a", {"1_5_1", "1_6_1"}}}, "supernodes[0].members[1]", "no node"},
        BadSupernodes{"SharedNode",
                      {{"a", {"1_5_1"}}, {"b", {"0_3_0", "1_5_1"}}},
                      "supernodes[1].members[1]",
                      "is a member of 'a' already"},
        BadSupernodes{"SharedSupernode",
                      {{"a", {"1_5_1"}}, {"b", {"a"}}, {"c", {"a"}}},
                      "supernodes[2].members[0]",
                      "is a member of 'b' already"},
        BadSupernodes{"HoldsItself", {{"a", {"a"}}}, "supernodes[0].members", "holds itself"},
        BadSupernodes{"HoldEachOther",
                      {{"x", {"0_3_0"}}, {"a", {"b"}}, {"b", {"c"}}, {"c", {"a", "1_5_1"}}},
                      "supernodes[1].members",
                      "'a' holds itself"}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(SupernodesTest, MoreThanTheLimitAreRefused) {
  const std::vector<Supernode> supernodes(kMaxSupernodes + 1, {"a", {"1_5_1"}});
  const absl::Status status = ResolveSupernodes(TwelveNodeGraph(), supernodes).status();
  EXPECT_EQ(FieldOf(status), "supernodes");
}

}  // namespace
}  // namespace cajal::graph
