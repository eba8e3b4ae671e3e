// Graphs of the golden model against the slow float64 reference (tests/golden/graphs).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "model/attribution/attribute.h"
#include "model/transcoder/load_transcoder_set.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/status_matchers.h"

namespace cajal::attribution {
namespace {

using graph::AttributionGraph;
using testing::GoldenTensors;
using testing::IsOk;

// A golden graph and the same graph made by the engine.
struct Pair {
  std::string name;
  GoldenTensors golden;
  AttributionGraph graph;
};

nlohmann::json Scalars(const std::string& name) {
  std::ifstream stream("golden/graphs/graphs.json");
  return nlohmann::json::parse(stream)[name];
}

Pair MakePair(const std::string& name) {
  const nlohmann::json scalars = Scalars(name);
  const GoldenTensors forward("golden/forward/forward_" + scalars["case"].get<std::string>() +
                              ".safetensors");
  const gemma3::Model model = testing::LoadTestModel("golden/tiny");
  RunContext context;
  const auto transcoders = transcoder::LoadTranscoderSet(
      "golden/transcoders/" + scalars["transcoders"].get<std::string>(), model, &context);
  EXPECT_THAT(transcoders, IsOk());
  AttributeOptions options;
  options.settings.max_feature_nodes =
      scalars["max_feature_nodes"].is_null() ? 0 : scalars["max_feature_nodes"].get<int32_t>();
  options.settings.batch_size = scalars["selection"]["batch_size"];
  options.settings.update_interval = scalars["selection"]["update_interval"];
  options.settings.zero_positions = scalars["zero_positions"];
  const FoldedModel folded = FoldModel(model, **transcoders);
  SweepWorkers workers;
  auto graph = Attribute(model, folded, **transcoders, testing::InputOf(forward), options, &workers,
                         &context);
  EXPECT_THAT(graph, IsOk());
  return {name, GoldenTensors("golden/graphs/graph_" + name + ".safetensors"), *std::move(graph)};
}

at::Tensor DenseAdjacency(const AttributionGraph& graph) {
  at::Tensor dense = at::zeros({graph.n_nodes(), graph.n_nodes()});
  float* values = dense.data_ptr<float>();
  for (int64_t row = 0; row < graph.n_nodes(); ++row) {
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      values[row * graph.n_nodes() + graph.edges.columns[e]] = graph.edges.weights[e];
    }
  }
  return dense;
}

class GoldenGraph : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenGraph, HasTheSameActiveFeaturesAndActivations) {
  const Pair pair = MakePair(GetParam());
  std::vector<int64_t> triples;
  std::vector<float> activations;
  for (const graph::FeatureNode& node : pair.graph.active_features) {
    triples.insert(triples.end(), {node.layer, node.position, node.feature});
    activations.push_back(node.activation);
  }
  EXPECT_EQ(triples, pair.golden.Ints("active_features"));
  EXPECT_LE(testing::RelativeToLargest(at::tensor(activations), pair.golden["activation_values"]),
            1e-5);
  EXPECT_EQ(pair.graph.selected_features, pair.golden.Ints("selected_features"));
}

TEST_P(GoldenGraph, HasTheSameLogits) {
  const Pair pair = MakePair(GetParam());
  std::vector<int64_t> ids;
  std::vector<float> probabilities;
  for (const graph::LogitNode& node : pair.graph.logits) {
    ids.push_back(node.token_id);
    probabilities.push_back(node.probability);
  }
  EXPECT_EQ(ids, pair.golden.Ints("logit_ids"));
  EXPECT_LE(
      testing::RelativeToLargest(at::tensor(probabilities), pair.golden["logit_probabilities"]),
      1e-5);
}

TEST_P(GoldenGraph, HasTheSameDirectEffects) {
  const Pair pair = MakePair(GetParam());
  const at::Tensor expected = pair.golden["adjacency"];
  const at::Tensor actual = DenseAdjacency(pair.graph);
  ASSERT_EQ(actual.sizes(), expected.sizes());
  const at::Tensor scale = expected.abs().amax(1).clamp_min(1e-30);
  const at::Tensor relative = (actual - expected).abs().amax(1) / scale;
  const auto n = pair.graph.n_nodes();
  // Error and token rows are empty on both sides.
  for (int64_t row = 0; row < n; ++row) {
    ASSERT_LE(relative[row].item<double>(), 1e-4) << "row " << row << " of " << pair.name;
  }
  RecordProperty("largest_relative_difference", std::to_string(relative.max().item<double>()));
}

TEST_P(GoldenGraph, AddsUpToThePreActivations) {
  const Pair pair = MakePair(GetParam());
  EXPECT_LE(pair.graph.additivity.max_relative_error, 1e-4);
  // Biases against the reference's constant, on the nodes that have rows.
  const auto n_selected = static_cast<int64_t>(pair.graph.selected_features.size());
  const at::Tensor constant = pair.golden["row_constant"];
  const at::Tensor selected = at::tensor(pair.graph.selected_features);
  const at::Tensor bias = at::tensor(pair.graph.bias);
  const at::Tensor pre = at::tensor(pair.graph.pre_activations);
  EXPECT_LE(
      testing::RelativeToLargest(bias.slice(0, 0, n_selected), constant.index_select(0, selected)),
      1e-4);
  EXPECT_LE(testing::RelativeToLargest(pre.slice(0, 0, n_selected),
                                       pair.golden["pre_activations"].index_select(0, selected)),
            1e-5);
  EXPECT_LE(testing::RelativeToLargest(pre.slice(0, pair.graph.first_logit()),
                                       pair.golden["logit_demeaned"]),
            1e-5);
}

INSTANTIATE_TEST_SUITE_P(AllCases, GoldenGraph,
                         ::testing::Values("text__plt_topk", "one_image__plt_topk",
                                           "two_images_chat__plt_topk", "text__gs2_affine",
                                           "one_image__gs2_affine", "two_images_chat__gs2_affine"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace cajal::attribution
