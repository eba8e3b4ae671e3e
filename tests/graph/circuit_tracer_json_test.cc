#include "model/graph/circuit_tracer_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string Export(const AttributionGraph& graph, const PruningOptions& pruning_options,
                   const CircuitTracerJsonOptions& options) {
  const auto pruning = PruneGraph(graph, pruning_options);
  const auto scores = ComputeScores(graph);
  EXPECT_TRUE(pruning.ok() && scores.ok());
  std::string text;
  EXPECT_TRUE(
      WriteCircuitTracerJson(graph, *pruning, *scores, options, [&text](std::string_view piece) {
        text += piece;
        return absl::OkStatus();
      }).ok());
  return text;
}

// The text between the first and the last quote of `Output "tok" (p=0.328)`.
std::string TokenOfLabel(const std::string& label) {
  const size_t begin = label.find('"') + 1;
  return label.substr(begin, label.rfind('"') - begin);
}

// Release 0.4.1 names errors `0_{layer}_{position}`; we name them as its newest code does.
json WithNewestErrorId(json node) {
  if (node["feature_type"] != "mlp reconstruction error") return node;
  const std::string layer = node["layer"];
  const std::string position = std::to_string(node["ctx_idx"].get<int>());
  EXPECT_EQ(node["node_id"], "0_" + layer + "_" + position);
  node["node_id"] = layer + "_-1_" + position;
  node["jsNodeId"] = layer + "_-1-" + position;
  return node;
}

class CircuitTracersOwnExport : public ::testing::TestWithParam<std::string> {};

TEST_P(CircuitTracersOwnExport, HasTheSameNodesLinksAndValues) {
  const json expected = json::parse(std::ifstream("golden/ct_json/" + GetParam() + ".json"));
  AttributionGraph graph = GoldenGraph(GetParam());
  graph.transcoder_name = "tiny-gemma3";
  graph.prompt = expected["metadata"]["prompt"];
  graph.token_texts = expected["metadata"]["prompt_tokens"].get<std::vector<std::string>>();
  for (int32_t i = 0; i < graph.n_logits(); ++i) {
    const json& node = expected["nodes"][expected["nodes"].size() - graph.n_logits() + i];
    graph.logits[i].token = TokenOfLabel(node["clerp"]);
  }
  const json actual = json::parse(Export(graph, {0.8, 0.98}, {.slug = GetParam()}));

  for (const auto& [key, value] : expected["metadata"].items()) {
    EXPECT_EQ(actual["metadata"][key], value) << key;
  }
  EXPECT_EQ(actual["qParams"], expected["qParams"]);

  ASSERT_EQ(actual["nodes"].size(), expected["nodes"].size());
  for (size_t i = 0; i < expected["nodes"].size(); ++i) {
    json want = WithNewestErrorId(expected["nodes"][i]);
    json got = actual["nodes"][i];
    if (want["influence"].is_null()) {
      EXPECT_TRUE(got["influence"].is_null());
    } else {
      EXPECT_NEAR(got["influence"].get<double>(), want["influence"].get<double>(), 1e-5);
    }
    got.erase("influence");
    want.erase("influence");
    ASSERT_EQ(got, want);
  }

  // Both go through the adjacency row by row, so links correspond in order.
  ASSERT_EQ(actual["links"].size(), expected["links"].size());
  for (size_t i = 0; i < expected["links"].size(); ++i) {
    const json& want = expected["links"][i];
    const json& got = actual["links"][i];
    ASSERT_EQ(got["target"], want["target"]) << i;
    ASSERT_EQ(got["weight"], want["weight"]) << i;
    const std::string source = got["source"];
    const size_t error = source.find("_-1_");
    ASSERT_EQ(error == std::string::npos
                  ? source
                  : "0_" + source.substr(0, error) + "_" + source.substr(error + 4),
              want["source"])
        << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, CircuitTracersOwnExport,
                         ::testing::Values("text__plt_topk", "one_image__gs2_affine"),
                         [](const auto& test) { return test.param; });

TEST(CircuitTracerJsonTest, MetadataSayWhoMadeTheGraphAndHow) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.settings.max_feature_nodes = 0;
  const json metadata = json::parse(Export(
      graph, {0.7, 0.9},
      {.slug = "twelve", .generator_version = "1.2", .create_time_unix_ms = 99}))["metadata"];
  EXPECT_EQ(metadata["slug"], "twelve");
  EXPECT_EQ(metadata["scan"], "org/set//folder");
  EXPECT_EQ(metadata["node_threshold"], 0.7);
  EXPECT_EQ(metadata["pruning_settings"], json({{"node_threshold", 0.7}, {"edge_threshold", 0.9}}));
  EXPECT_EQ(metadata["generation_settings"]["max_feature_nodes"], 4);  // all, as a number
  EXPECT_EQ(metadata["info"]["generator"], json({{"name", "Cajal"}, {"version", "1.2"}}));
  EXPECT_EQ(metadata["info"]["create_time_ms"], 99);
  EXPECT_NEAR(metadata["replacement_score"].get<double>(), 0.59375, 1e-8);
}

// As circuit-tracer writes a CustomTarget: a virtual id, its label, its weight for the probability.
TEST(CircuitTracerJsonTest, ATargetThatIsNoTokenHasItsLabelAndItsWeight) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.logits[1] = {
      .token_id = 262144, .token = "logit( a) - logit( b)", .position = 0, .given_weight = 0.25F};
  const json node = json::parse(Export(graph, {0.8, 0.98}, {.slug = "s"}))["nodes"].back();
  EXPECT_EQ(node["node_id"], "3_262144_0");
  EXPECT_EQ(node["jsNodeId"], "L_262144-0");
  EXPECT_EQ(node["feature"], 262144);
  EXPECT_EQ(node["feature_type"], "logit");
  EXPECT_EQ(node["ctx_idx"], 0);
  EXPECT_EQ(node["clerp"], "Output \"logit( a) - logit( b)\" (p=0.250)");
  EXPECT_EQ(node["token_prob"], 0.25);
}

TEST(CircuitTracerJsonTest, TextThatIsNotUtf8IsExportedWithReplacementCharacters) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.prompt = "half \xe2\x82";
  graph.token_texts[1] = "\xff";
  graph.logits[0].token = "\xc3";
  graph.logits[1].token = "say \"hi\"\n";
  const json document = json::parse(Export(graph, {0.8, 0.98}, {.slug = "s"}));
  EXPECT_EQ(document["metadata"]["prompt_tokens"][1], "\xef\xbf\xbd");
  const json& nodes = document["nodes"];
  EXPECT_EQ(nodes[nodes.size() - 2]["clerp"], "Output \"\xef\xbf\xbd\" (p=0.600)");
  EXPECT_EQ(nodes[nodes.size() - 1]["clerp"], "Output \"say \"hi\"\n\" (p=0.200)");
}

TEST(CircuitTracerJsonTest, ALargeGraphComesInPiecesAndTheSinksErrorEndsIt) {
  const AttributionGraph graph = RandomGraph(2, 120);
  const auto pruning = PruneGraph(graph, {1, 1});
  const auto scores = ComputeScores(graph);
  ASSERT_TRUE(pruning.ok() && scores.ok());
  size_t largest = 0;
  int pieces = 0;
  ASSERT_TRUE(WriteCircuitTracerJson(graph, *pruning, *scores, {}, [&](std::string_view piece) {
                largest = std::max(largest, piece.size());
                ++pieces;
                return absl::OkStatus();
              }).ok());
  EXPECT_GT(pieces, 3);
  EXPECT_LT(largest, 70000u);

  pieces = 0;
  const absl::Status stopped =
      WriteCircuitTracerJson(graph, *pruning, *scores, {}, [&](std::string_view) {
        return ++pieces == 2 ? absl::CancelledError("gone") : absl::OkStatus();
      });
  EXPECT_EQ(stopped.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(pieces, 2);
}

}  // namespace
}  // namespace cajal::graph
