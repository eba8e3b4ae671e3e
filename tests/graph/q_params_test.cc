#include "model/graph/q_params.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/graph/node.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Of the twelve nodes (test_graphs.h): features 0_3_0, 0_1_1, 1_0_1, 1_5_1, errors 0_-1_0 to
// 1_-1_1. Nodes 2, 5 and 8 to 11 are kept, as pruning_test.cc works out: 1_0_1, 0_-1_1, the tokens
// and the logits.
PruningResult Kept(const AttributionGraph& graph) {
  auto pruning = PruneGraph(graph, {0.7, 0.55});
  EXPECT_TRUE(pruning.ok()) << pruning.status();
  return *std::move(pruning);
}

Annotations Read(const AttributionGraph& graph, const char* q_params) {
  return AnnotationsFromQParams(graph, json::parse(q_params),
                                [&graph](const std::string& id) { return NodeWithId(graph, id); });
}

TEST(QParamsTest, HavePinsAndTheNodesOfGroupsThatAreKept) {
  const AttributionGraph graph = TwelveNodeGraph();
  const Annotations annotations = {
      .labels = {},
      .pins = {"3_40_1", "0_3_0", "1_0_1"},
      .supernodes = {
          {"inner", {"0_-1_1", "0_1_1"}}, {"outer", {"inner", "1_0_1"}}, {"gone", {"0_3_0"}}}};
  EXPECT_EQ(QParamsOf(graph, Kept(graph), annotations).dump(),
            R"({"pinnedIds":["3_40_1","1_0_1"],"supernodes":[["outer","1_0_1","0_-1_1"]],)"
            R"("linkType":"both","clickedId":"","sg_pos":""})");
}

TEST(QParamsTest, ComeBackAsAnnotations) {
  const Annotations annotations =
      Read(TwelveNodeGraph(), R"({"pinnedIds": ["1_0_1", "E_2_0"], "linkType": "both",
                                  "supernodes": [["a group", "0_3_0", "0_1_1"], ["é", "3_41_1"]]})");
  EXPECT_THAT(annotations.pins, ElementsAre("1_0_1", "E_2_0"));
  EXPECT_THAT(annotations.supernodes,
              ElementsAre(Supernode{"a group", {"0_3_0", "0_1_1"}}, Supernode{"é", {"3_41_1"}}));
  EXPECT_THAT(annotations.labels, IsEmpty());
}

TEST(QParamsTest, WhatCajalDoesNotAllowIsLeftOutOrRenamed) {
  const AttributionGraph graph = TwelveNodeGraph();
  const Annotations annotations = Read(graph, R"({"pinnedIds": ["9_9_9", 7, "1_0_1", "1_0_1"],
                      "supernodes": [["a, b", "0_3_0"], ["overlaps", "0_1_1", "0_3_0"], ["empty"],
                                     ["a  b", "0_1_1"], [], 3, ["E_1_1", "1_5_1"], [1, "1_0_1"],
                                     ["unknown", "9_9_9"], ["", "1_0_1", "1_0_1", "E_2_0"]]})");
  EXPECT_THAT(annotations.pins, ElementsAre("1_0_1"));
  EXPECT_THAT(
      annotations.supernodes,
      ElementsAre(Supernode{"a  b", {"0_3_0"}}, Supernode{"a  b (2)", {"0_1_1"}},
                  Supernode{"E_1_1 (3)", {"1_5_1"}}, Supernode{"group", {"1_0_1", "E_2_0"}}));
  EXPECT_TRUE(CheckAnnotations(graph, annotations).ok());
}

TEST(QParamsTest, LongNamesAreCutBetweenCharacters) {
  std::string name = "x";
  while (name.size() < 200) name += "é";
  json q_params;
  for (const char* member : {"0_3_0", "0_1_1"}) {
    q_params["supernodes"].push_back(json::array({name, member}));
  }
  const Annotations annotations = Read(TwelveNodeGraph(), q_params.dump().c_str());
  ASSERT_EQ(annotations.supernodes.size(), 2u);
  EXPECT_EQ(annotations.supernodes[0].name, name.substr(0, 127));
  EXPECT_EQ(annotations.supernodes[1].name, name.substr(0, 123) + " (2)");
}

TEST(QParamsTest, NonsenseIsNoAnnotation) {
  for (const char* text : {"{}", R"({"pinnedIds": 3, "supernodes": "x"})", "[]", "null", "3"}) {
    EXPECT_EQ(Read(TwelveNodeGraph(), text), Annotations()) << text;
  }
}

}  // namespace
}  // namespace cajal::graph
