// Graphs of the embedded model with bfloat16 weights are those of float32: nearly the same active
// features, edges that agree, the same answer.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <tuple>
#include <vector>

#include "model/base/check.h"
#include "model/engine.h"
#include "tests/support/status_matchers.h"

namespace cajal {
namespace {

using graph::AttributionGraph;

const std::string kFolder = "../models/demo";

tokenizer::Prompt PromptOf(const std::string& picture, const std::string& text) {
  std::ostringstream bytes;
  bytes << std::ifstream(kFolder + "/images/" + picture, std::ios::binary).rdbuf();
  tokenizer::Prompt prompt;
  prompt.parts = {{.text = text}, {.image = tokenizer::EncodedImage{bytes.str()}}};
  return prompt;
}

AttributionGraph GraphOf(Engine* engine, const tokenizer::Prompt& prompt) {
  RunContext context;
  const auto prepared = engine->Prepare(prompt);
  CAJAL_CHECK(prepared.ok()) << prepared.status();
  auto graph = engine->Attribute(*prepared, {}, &context);
  CAJAL_CHECK(graph.ok()) << graph.status();
  return *std::move(graph);
}

using Feature = std::tuple<int32_t, int32_t, int32_t>;

std::map<Feature, int32_t> NodesByFeature(const AttributionGraph& graph) {
  std::map<Feature, int32_t> nodes;
  for (int32_t node = 0; node < graph.n_selected(); ++node) {
    const auto& feature = graph.active_features[static_cast<size_t>(
        graph.selected_features[static_cast<size_t>(node)])];
    nodes[{feature.layer, feature.position, feature.feature}] = node;
  }
  return nodes;
}

// The nodes that two graphs of one prompt have in common, pairwise: features, errors, tokens, and
// the likeliest logit.
struct CommonNodes {
  std::vector<int32_t> a, b;
  double jaccard = 0;  // of the features
};

CommonNodes NodesInCommon(const AttributionGraph& a, const AttributionGraph& b) {
  const auto nodes_a = NodesByFeature(a);
  const auto nodes_b = NodesByFeature(b);
  CommonNodes common;
  for (const auto& [feature, node] : nodes_a) {
    const auto other = nodes_b.find(feature);
    if (other == nodes_b.end()) continue;
    common.a.push_back(node);
    common.b.push_back(other->second);
  }
  const auto n = static_cast<double>(common.a.size());
  common.jaccard = n / (static_cast<double>(nodes_a.size() + nodes_b.size()) - n);
  for (int32_t i = 0; i <= a.first_logit() - a.first_error(); ++i) {
    common.a.push_back(a.first_error() + i);
    common.b.push_back(b.first_error() + i);
  }
  return common;
}

// One row of a graph over the nodes in common.
std::vector<double> Row(const AttributionGraph& graph, const std::vector<int32_t>& nodes,
                        size_t row) {
  std::vector<double> by_node(static_cast<size_t>(graph.n_nodes()), 0);
  const auto node = static_cast<size_t>(nodes[row]);
  for (int64_t e = graph.edges.row_begin[node]; e < graph.edges.row_begin[node + 1]; ++e) {
    const auto edge = static_cast<size_t>(e);
    by_node[static_cast<size_t>(graph.edges.columns[edge])] = graph.edges.weights[edge];
  }
  std::vector<double> values;
  values.reserve(nodes.size());
  for (const int32_t column : nodes) values.push_back(by_node[static_cast<size_t>(column)]);
  return values;
}

// Pearson's correlation of all edges among the nodes in common, those that are zero in both left
// out.
double EdgeCorrelation(const AttributionGraph& a, const AttributionGraph& b,
                       const CommonNodes& common) {
  double n = 0, sum_a = 0, sum_b = 0, sum_aa = 0, sum_bb = 0, sum_ab = 0;
  for (size_t row = 0; row < common.a.size(); ++row) {
    const std::vector<double> in_a = Row(a, common.a, row);
    const std::vector<double> in_b = Row(b, common.b, row);
    for (size_t i = 0; i < in_a.size(); ++i) {
      if (in_a[i] == 0 && in_b[i] == 0) continue;
      n += 1;
      sum_a += in_a[i];
      sum_b += in_b[i];
      sum_aa += in_a[i] * in_a[i];
      sum_bb += in_b[i] * in_b[i];
      sum_ab += in_a[i] * in_b[i];
    }
  }
  return (n * sum_ab - sum_a * sum_b) /
         std::sqrt((n * sum_aa - sum_a * sum_a) * (n * sum_bb - sum_b * sum_b));
}

absl::StatusOr<std::unique_ptr<Engine>> Load(DType dtype, std::optional<DType> gradients) {
  RunContext loading;
  return LoadEngine({.model_dir = kFolder,
                     .transcoder_dir = kFolder + "/transcoders",
                     .device = DeviceChoice::kCpu,
                     .dtype = dtype,
                     .gradients = gradients},
                    &loading);
}

class BFloat16 : public ::testing::TestWithParam<std::optional<DType>> {};

TEST_P(BFloat16, GraphsAreThoseOfFloat32) {
  const auto float32 = Load(DType::kFloat32, std::nullopt);
  ASSERT_TRUE(float32.ok()) << float32.status();
  const auto bfloat16 = Load(DType::kBFloat16, GetParam());
  ASSERT_TRUE(bfloat16.ok()) << bfloat16.status();
  for (const auto& [picture, text] :
       {std::pair("mars.png", "<start_of_image> This is planet"),
        std::pair("hand_six.png", "<start_of_image> The number of fingers on this hand is"),
        std::pair("sum_1_2.png", "<start_of_image> The result is ")}) {
    SCOPED_TRACE(picture);
    const tokenizer::Prompt prompt = PromptOf(picture, text);
    const AttributionGraph a = GraphOf(float32->get(), prompt);
    const AttributionGraph b = GraphOf(bfloat16->get(), prompt);
    EXPECT_EQ(a.logits[0].token_id, b.logits[0].token_id);
    const CommonNodes common = NodesInCommon(a, b);
    EXPECT_GE(common.jaccard, 0.95);
    EXPECT_GE(EdgeCorrelation(a, b, common), 0.99);
  }
}

// The gradients' type on the CPU, and on a GPU.
INSTANTIATE_TEST_SUITE_P(Gradients, BFloat16,
                         ::testing::Values(std::nullopt, std::optional(DType::kBFloat16)),
                         [](const auto& instance) {
                           return instance.param.has_value() ? "InBfloat16" : "InFloat32";
                         });

}  // namespace
}  // namespace cajal
