#include "model/graph/annotations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::HasSubstr;

Annotations GoodAnnotations() {
  return {.labels = {{"1_5_1", "plan\xc3\xa8te \"rouge\"\n"}, {"E_70_1", "one"}},
          .pins = {"3_40_1", "1_5_1"},
          .supernodes = {{"early", {"0_3_0", "0_1_1"}}, {"all", {"early", "1_5_1"}}}};
}

TEST(AnnotationsTest, TheTextIsJsonThatReadsBackToTheSame) {
  EXPECT_EQ(AnnotationsToJson(GoodAnnotations()),
            "{\"labels\":{\"1_5_1\":\"plan\xc3\xa8te \\\"rouge\\\"\\n\",\"E_70_1\":\"one\"},"
            "\"pins\":[\"3_40_1\",\"1_5_1\"],"
            "\"supernodes\":[{\"members\":[\"0_3_0\",\"0_1_1\"],\"name\":\"early\"},"
            "{\"members\":[\"early\",\"1_5_1\"],\"name\":\"all\"}]}");
  for (const Annotations& annotations : {GoodAnnotations(), Annotations()}) {
    const auto same = AnnotationsFromJson(AnnotationsToJson(annotations));
    ASSERT_TRUE(same.ok()) << same.status();
    EXPECT_EQ(*same, annotations);
  }
}

TEST(AnnotationsTest, MissingKeysAreEmpty) {
  const auto annotations = AnnotationsFromJson(R"({"pins": ["1_5_1"]})");
  ASSERT_TRUE(annotations.ok()) << annotations.status();
  EXPECT_EQ(*annotations, Annotations{.pins = {"1_5_1"}});
}

TEST(AnnotationsTest, TextThatIsNoAnnotationsIsRefusedWithTheReason) {
  const std::vector<std::pair<const char*, const char*>> bad = {
      {"", "annotations"},
      {"[]", "annotations"},
      {R"({"pins": [)", "annotations"},
      {R"({"pin": []})", "\"pin\" has no meaning here"},
      {R"({"pins": "1_5_1"})", "pins: must be an array of strings"},
      {R"({"pins": [7]})", "pins: must be an array of strings"},
      {R"({"labels": []})", "labels: must be an object"},
      {R"({"labels": {"1_5_1": 7}})", "labels[1_5_1]: must be a string"},
      {R"({"supernodes": {}})", "supernodes: must be an array"},
      {R"({"supernodes": [["a"]]})", "supernodes[0]: must be an object"},
      {R"({"supernodes": [{"members": ["1_5_1"]}]})", "supernodes[0].name: must be a string"},
      {R"({"supernodes": [{"name": "a"}]})", "supernodes[0].members: must be an array of strings"},
      {R"({"supernodes": [{"name": "a", "members": [], "color": 1}]})", "\"color\" has no meaning"},
  };
  for (const auto& [text, message] : bad) {
    const auto annotations = AnnotationsFromJson(text);
    EXPECT_EQ(annotations.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(annotations.status().message()), HasSubstr(message)) << text;
  }
  EXPECT_TRUE(AnnotationsFromJson("{}").ok());
}

TEST(AnnotationsTest, WhatTheGraphDoesNotHaveIsRefusedByField) {
  const AttributionGraph graph = TwelveNodeGraph();
  std::vector<std::pair<Annotations, const char*>> bad = {
      {{.labels = {{"9_9_9", "x"}}}, "annotations.labels[9_9_9]"},
      {{.labels = {{"1_5_1", ""}}}, "annotations.labels[1_5_1]"},
      {{.labels = {{"1_5_1", std::string(kMaxLabelBytes + 1, 'x')}}}, "annotations.labels[1_5_1]"},
      {{.pins = {"1_5_1", "early"}}, "annotations.pins[1]"},
      {{.pins = {"1_5_1", "1_5_1"}}, "annotations.pins[1]"},
      {{.supernodes = {{"a", {"9_9_9"}}}}, "annotations.supernodes[0].members[0]"},
  };
  for (const auto& [annotations, field] : bad) {
    EXPECT_EQ(FieldOf(CheckAnnotations(graph, annotations)), field);
  }
  EXPECT_TRUE(CheckAnnotations(graph, GoodAnnotations()).ok());
  EXPECT_TRUE(CheckAnnotations(graph, {}).ok());
}

TEST(AnnotationsTest, MoreThanFitsIntoAMessageIsRefused) {
  AttributionGraph graph = RandomGraph(1, 300);
  Annotations annotations;
  for (int32_t i = 1; i < 600; i += 2) {
    const FeatureNode& feature = graph.active_features[i];
    annotations.labels[std::to_string(feature.layer) + "_" + std::to_string(feature.feature) + "_" +
                       std::to_string(feature.position)] = std::string(kMaxLabelBytes, 'x');
  }
  const absl::Status status = CheckAnnotations(graph, annotations);
  EXPECT_EQ(FieldOf(status), "annotations");
  EXPECT_THAT(std::string(status.message()), HasSubstr("at most 262144"));
}

}  // namespace
}  // namespace cajal::graph
