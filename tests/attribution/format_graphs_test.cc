// Graphs of the golden model with transcoder sets of every format, against the slow float64
// reference (tests/golden/formats), however the work is cut and wherever the matrices live.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
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
using transcoder::Residency;

constexpr int32_t kGoldenBatch = 32;  // with which the reference selects features
constexpr int32_t kGoldenInterval = 4;

struct Way {
  int32_t batch_size = kGoldenBatch;
  Residency residency = Residency::kDevice;
  at::ScalarType dtype = at::kFloat;
};

class FormatGraph : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::ifstream stream("golden/formats/graphs.json");
    scalars_ = nlohmann::json::parse(stream)[GetParam()];
    golden_ = std::make_unique<GoldenTensors>("golden/formats/graph_" + std::string(GetParam()) +
                                              ".safetensors");
    threads_ = at::get_num_threads();
  }
  void TearDown() override { at::set_num_threads(threads_); }

  AttributionGraph Make(const Way& way) {
    const GoldenTensors forward("golden/forward/forward_" + scalars_["case"].get<std::string>() +
                                ".safetensors");
    const gemma3::Model model = testing::LoadTestModel("golden/tiny", way.dtype);
    RunContext context;
    const auto set = transcoder::LoadTranscoderSet(
        "golden/formats/" + scalars_["set"].get<std::string>(), model, &context, way.residency);
    EXPECT_THAT(set, IsOk());
    AttributeOptions options;
    const nlohmann::json& most = scalars_["max_feature_nodes"];
    options.settings.max_feature_nodes = most.is_null() ? 0 : most.get<int32_t>();
    options.settings.batch_size = way.batch_size;
    // The same features between two rankings, however they are cut into batches.
    options.settings.update_interval = kGoldenBatch * kGoldenInterval / way.batch_size;
    options.settings.zero_positions = 1;
    SweepWorkers workers;
    auto graph = Attribute(model, FoldModel(model, **set), **set, testing::InputOf(forward),
                           options, &workers, &context);
    EXPECT_THAT(graph, IsOk());
    return *std::move(graph);
  }

  // [features + logits, nodes]
  static at::Tensor RowsOf(const AttributionGraph& graph) {
    at::Tensor dense = at::zeros({graph.n_nodes(), graph.n_nodes()});
    auto values = dense.accessor<float, 2>();
    for (int64_t row = 0; row < graph.n_nodes(); ++row) {
      for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
        values[row][graph.edges.columns[e]] = graph.edges.weights[e];
      }
    }
    return at::cat({dense.slice(0, 0, graph.first_error()), dense.slice(0, graph.first_logit())});
  }

  void ExpectGolden(const AttributionGraph& graph) {
    std::vector<int64_t> triples;
    std::vector<float> activations;
    for (const graph::FeatureNode& node : graph.active_features) {
      triples.insert(triples.end(), {node.layer, node.position, node.feature});
      activations.push_back(node.activation);
    }
    ASSERT_EQ(triples, golden_->Ints("active_features"));
    EXPECT_LE(testing::RelativeToLargest(at::tensor(activations), (*golden_)["activation_values"]),
              1e-5);
    ASSERT_EQ(graph.selected_features, golden_->Ints("selected_features"));
    const at::Tensor expected = (*golden_)["rows"];
    const at::Tensor rows = RowsOf(graph);
    ASSERT_EQ(rows.sizes(), expected.sizes());
    const at::Tensor relative = (rows - expected).abs().amax(1) / expected.abs().amax(1);
    EXPECT_LE(relative.max().item<double>(), 1e-4);
    EXPECT_LE(graph.additivity.max_relative_error, 1e-4);
    const at::Tensor selected = at::tensor(graph.selected_features);
    EXPECT_LE(testing::RelativeToLargest(at::tensor(graph.bias).slice(0, 0, selected.size(0)),
                                         (*golden_)["row_constant"].index_select(0, selected)),
              1e-4);
  }

  static void ExpectSameToTheBit(const AttributionGraph& a, const AttributionGraph& b) {
    EXPECT_EQ(a.selected_features, b.selected_features);
    EXPECT_EQ(a.edges.row_begin, b.edges.row_begin);
    EXPECT_EQ(a.edges.columns, b.edges.columns);
    EXPECT_EQ(a.edges.weights, b.edges.weights);
    EXPECT_EQ(a.bias, b.bias);
    EXPECT_EQ(a.pre_activations, b.pre_activations);
  }

 private:
  nlohmann::json scalars_;
  std::unique_ptr<GoldenTensors> golden_;
  int threads_ = 1;
};

TEST_P(FormatGraph, EqualsTheReferenceForEveryBatchSize) {
  for (const int32_t batch_size : {1, 8, 32, 128}) {
    SCOPED_TRACE(batch_size);
    ExpectGolden(Make({.batch_size = batch_size}));
  }
}

TEST_P(FormatGraph, EqualsTheReferenceForEveryNumberOfThreads) {
  for (const int threads : {1, 2, 3}) {
    SCOPED_TRACE(threads);
    at::set_num_threads(threads);
    ExpectGolden(Make({}));
  }
}

TEST_P(FormatGraph, IsTheSameToTheBitWhereverTheMatricesLive) {
  at::set_num_threads(2);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    SCOPED_TRACE(dtype == at::kFloat ? "float32" : "bfloat16");
    const AttributionGraph on_device = Make({.residency = Residency::kDevice, .dtype = dtype});
    for (const Residency residency : {Residency::kEncoders, Residency::kStream}) {
      SCOPED_TRACE(transcoder::ResidencyName(residency));
      ExpectSameToTheBit(on_device, Make({.residency = residency, .dtype = dtype}));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllFormats, FormatGraph,
                         ::testing::Values("text__native_relu", "text__native_jump_skip",
                                           "text__native_topk", "text__sparsify_topk",
                                           "text__sparsify_groupmax", "text__clt_training",
                                           "text__clt_native", "text__clt_gs2",
                                           "one_image__native_jump_skip", "one_image__clt_native",
                                           "one_image__clt_training"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace cajal::attribution
