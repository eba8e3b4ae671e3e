// The hosted viewer checks an upload against a JSON schema. hosted_schema.json says the same, from
// its documentation; valijson checks Cajal's exports against it, and the traps that no schema says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "model/graph/circuit_tracer_json.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using nlohmann::json;
using valijson::adapters::NlohmannJsonAdapter;

// What the schema finds wrong; empty when nothing.
std::string Violations(const json& document) {
  static const json schema_text = json::parse(std::ifstream("graph/hosted_schema.json"));
  valijson::Schema schema;
  valijson::SchemaParser().populateSchema(NlohmannJsonAdapter(schema_text), schema);
  valijson::ValidationResults results;
  valijson::Validator().validate(schema, NlohmannJsonAdapter(document), &results);
  std::string text;
  for (valijson::ValidationResults::Error error; results.popError(error);) {
    for (const std::string& step : error.context) text += step;
    text += ": " + error.description + "\n";
  }
  return text;
}

json Export(const AttributionGraph& graph, const Annotations& annotations = {}) {
  const auto pruning = PruneGraph(graph, {0.8, 0.98});
  const auto scores = ComputeScores(graph);
  std::string text;
  EXPECT_TRUE(pruning.ok() && scores.ok());
  EXPECT_TRUE(WriteCircuitTracerJson(graph, *pruning, *scores,
                                     {.slug = "a-graph",
                                      .generator_version = "1.2",
                                      .create_time_unix_ms = 99,
                                      .annotations = annotations},
                                     [&text](std::string_view piece) {
                                       text += piece;
                                       return absl::OkStatus();
                                     })
                  .ok());
  return json::parse(text);
}

TEST(HostedSchemaTest, CircuitTracersOwnFilesPass) {
  for (const char* name : {"text__plt_topk", "one_image__gs2_affine"}) {
    EXPECT_EQ(
        Violations(json::parse(std::ifstream("golden/ct_json/" + std::string(name) + ".json"))),
        "");
  }
}

TEST(HostedSchemaTest, TheSchemaFindsWhatIsWrong) {
  json document = Export(TwelveNodeGraph());
  document["nodes"][0].erase("clerp");
  EXPECT_NE(Violations(document), "");
  document = Export(TwelveNodeGraph());
  document.erase("qParams");
  EXPECT_NE(Violations(document), "");
}

TEST(HostedSchemaTest, EveryExportPasses) {
  EXPECT_EQ(Violations(Export(TwelveNodeGraph())), "");
  EXPECT_EQ(
      Violations(Export(TwelveNodeGraph(), {.labels = {{"1_0_1", "a label"}},
                                            .pins = {"1_0_1"},
                                            .supernodes = {{"a group", {"1_0_1", "3_40_1"}}}})),
      "");
  EXPECT_EQ(Violations(Export(RandomGraph(5, 60))), "");
  for (const std::string& name : GoldenGraphNames()) {
    EXPECT_EQ(Violations(Export(GoldenGraph(name))), "") << name;
  }
}

// Both front ends split a logit's label at "(p=" without a look, and decode feature numbers below
// 2^53.
TEST(HostedSchemaTest, WhatNoSchemaSaysHoldsToo) {
  const json document = Export(RandomGraph(5, 60));
  std::set<std::string> ids;
  for (const json& node : document["nodes"]) {
    EXPECT_TRUE(ids.insert(node["node_id"]).second) << node["node_id"];
    EXPECT_LT(node["feature"].get<int64_t>(), int64_t{1} << 53);
    if (node["feature_type"] == "logit") {
      EXPECT_THAT(node["clerp"].get<std::string>(), testing::ContainsRegex("\".*\" \\(p="));
    }
  }
  for (const json& link : document["links"]) {
    EXPECT_TRUE(ids.contains(link["source"]) && ids.contains(link["target"]));
  }
}

}  // namespace
}  // namespace cajal::graph
