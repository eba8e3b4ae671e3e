// The two estimates of a graph's memory against what is really allocated, over many requests.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "model/attribution/attribute.h"
#include "model/engine.h"
#include "tests/support/allocation_meter.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace cajal::attribution {
namespace {

using testing::FailsWith;
using testing::HasReason;
using testing::IsOk;
using transcoder::ActivationKind;

// Sweeps side by side: what each holds counts.
constexpr int kThreads = 2;

struct Case {
  std::string name;
  testing::RandomModelShape model = {
      .n_layers = 6, .d_model = 64, .head_dim = 16, .d_mlp = 192, .vocab = 200, .window = 32};
  testing::RandomTranscoderShape transcoders = {.n_features = 256,
                                                .activation = ActivationKind::kReluTopK};
  int64_t n_positions = 64;
  graph::GraphSettings settings = {.max_feature_nodes = 0, .batch_size = 64};
  at::ScalarType dtype = at::kFloat;
  at::ScalarType gradients = at::kFloat;
};

void ConvertMatrices(at::ScalarType dtype, gemma3::Model* model) {
  model->weights.placement.dtype = dtype;
  gemma3::DecoderWeights& decoder = model->weights.decoder;
  std::vector<at::Tensor*> matrices = {&decoder.embedding, &decoder.unembedding};
  for (gemma3::BlockWeights& block : decoder.blocks) {
    for (at::Tensor* matrix :
         {&block.attn.q_proj, &block.attn.k_proj, &block.attn.v_proj, &block.attn.o_proj,
          &block.mlp.gate_proj, &block.mlp.up_proj, &block.mlp.down_proj}) {
      matrices.push_back(matrix);
    }
  }
  for (at::Tensor* matrix : matrices) *matrix = matrix->to(dtype);
}

// Every kind of activation, lengths on both sides of a tile, ranked and unranked selections.
std::vector<Case> Cases() {
  std::vector<Case> cases;
  const auto add = [&cases](const std::string& name) -> Case& {
    return cases.emplace_back(Case{.name = name});
  };
  add("AllFeatures");
  add("FewPositions").n_positions = 12;
  {
    Case& c = add("OneTile");
    c.n_positions = 512;
    c.settings.max_feature_nodes = 800;
  }
  {
    Case& c = add("Bfloat16");
    c.dtype = at::kBFloat16;
    c.settings.max_feature_nodes = 1200;
  }
  {
    Case& c = add("Bfloat16Gradients");
    c.dtype = c.gradients = at::kBFloat16;
    c.settings.max_feature_nodes = 1200;
  }
  {
    Case& c = add("TwoTiles");
    c.n_positions = 700;
    c.settings.max_feature_nodes = 500;
  }
  {
    Case& c = add("RankedOften");
    c.n_positions = 200;
    c.settings.max_feature_nodes = 2000;
    c.settings.update_interval = 1;
  }
  {
    Case& c = add("RankedOnce");
    c.n_positions = 200;
    c.settings.max_feature_nodes = 1000;
    c.settings.rank_once = true;
  }
  {
    Case& c = add("SmallBatches");
    c.settings.batch_size = 5;
    c.settings.max_feature_nodes = 300;
  }
  {
    Case& c = add("Relu");
    c.transcoders.activation = ActivationKind::kRelu;
    c.settings.max_feature_nodes = 700;
  }
  {
    Case& c = add("ReluAll");
    c.transcoders.activation = ActivationKind::kRelu;
    c.n_positions = 24;
  }
  {
    Case& c = add("JumpRelu");
    c.transcoders.activation = ActivationKind::kJumpRelu;
    c.settings.max_feature_nodes = 700;
  }
  {
    Case& c = add("BatchTopK");
    c.transcoders.activation = ActivationKind::kBatchTopK;
    c.transcoders.n_features = 8192;
    c.settings.max_feature_nodes = 100;
  }
  {
    Case& c = add("WideEncoder");
    c.transcoders.n_features = 8192;
    c.n_positions = 128;
    c.settings.max_feature_nodes = 200;
  }
  {
    Case& c = add("SkipAndManyLogits");
    c.transcoders.skip = true;
    c.settings.max_n_logits = 150;
    c.settings.desired_logit_prob = 1;
    c.settings.max_feature_nodes = 1200;
  }
  {
    Case& c = add("CrossLayer");
    c.transcoders.n_targets = 6;
    c.settings.max_feature_nodes = 600;
  }
  return cases;
}

class GraphMemory : public ::testing::TestWithParam<Case> {};

TEST_P(GraphMemory, StaysWithinBothEstimatesAndCloseToTheSecond) {
  const Case& c = GetParam();
  const c10::InferenceMode no_autograd;
  at::set_num_threads(kThreads);
  gemma3::Model model = testing::MakeRandomModel(c.model, 1);
  ConvertMatrices(c.dtype, &model);
  const auto transcoders = testing::MakeRandomTranscoders(model, c.transcoders, 2);
  const FoldedModel folded = FoldModel(model, *transcoders, c.gradients);
  const gemma3::ModelInput input{
      .token_ids = testing::RandomTensors(3).TokenIds(c.n_positions, c.model.vocab)};
  SweepWorkers workers;
  const auto first = EstimateGraphBytes(
      DimensionsOf(model, folded, *transcoders, workers, c.n_positions, 0, /*budget_bytes=*/0),
      c.settings);
  MemoryBudget budget(std::numeric_limits<int64_t>::max());
  auto memory = budget.Reserve(first.most, "test");
  ASSERT_THAT(memory, IsOk());
  RunContext context;
  context.set_memory(&*memory);
  const AttributeOptions options{.settings = c.settings};
  if (c.gradients != at::kFloat) {
    // oneDNN keeps what it makes of each shape for good.
    ASSERT_THAT(Attribute(model, folded, *transcoders, input, options, &workers, &context), IsOk());
  }
  // The first one fills torch's own caches. Sweeps side by side are not at their largest together
  // in every run, so a few may show what one does not.
  constexpr int kMostRuns = 6;
  int64_t second = 0;
  int64_t most_used = 0;
  const auto is_close = [&] {
    return static_cast<double>(second) <= 1.3 * static_cast<double>(most_used);
  };
  for (int run = 1; run <= 2 || (run <= kMostRuns && !is_close()); ++run) {
    SCOPED_TRACE(run);
    ASSERT_THAT(memory->Resize(first.most, "test"), IsOk());
    const testing::AllocationMeter meter;
    const auto graph = Attribute(model, folded, *transcoders, input, options, &workers, &context);
    const int64_t used = meter.PeakBytes();
    ASSERT_THAT(graph, IsOk());
    second = memory->bytes();
    most_used = std::max(most_used, used);
    EXPECT_GE(first.most, used);
    EXPECT_GE(second, used);
  }
  EXPECT_TRUE(is_close()) << second << " bytes estimated, " << most_used << " used";
  RecordProperty("used", std::to_string(most_used));
  RecordProperty("second", std::to_string(second));
}

// The weights of all edges, [nodes, nodes].
at::Tensor Dense(const graph::AttributionGraph& graph) {
  const int64_t n = graph.n_nodes();
  at::Tensor dense = at::zeros({n, n});
  auto* const weights = dense.mutable_data_ptr<float>();
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    const auto i = static_cast<size_t>(row);
    for (int64_t e = graph.edges.row_begin[i]; e < graph.edges.row_begin[i + 1]; ++e) {
      const auto edge = static_cast<size_t>(e);
      weights[row * n + graph.edges.columns[edge]] = graph.edges.weights[edge];
    }
  }
  return dense;
}

// Below what 64 rows at once need there is a budget for fewer, and at last for none.
TEST(GraphMemory, IsLessWithFewerRowsAtOnceWhereTheBudgetIsSmall) {
  const c10::InferenceMode no_autograd;
  at::set_num_threads(kThreads);
  const testing::RandomModelShape shape = Case().model;
  const gemma3::Model model = testing::MakeRandomModel(shape, 1);
  const auto transcoders = testing::MakeRandomTranscoders(
      model, {.n_features = 256, .activation = ActivationKind::kReluTopK}, 2);
  const FoldedModel folded = FoldModel(model, *transcoders);
  const gemma3::ModelInput input{.token_ids = testing::RandomTensors(3).TokenIds(64, shape.vocab)};
  const AttributeOptions options{.settings = {.max_feature_nodes = 64, .batch_size = 64}};
  SweepWorkers workers;
  const ByteBounds first = EstimateGraphBytes(
      DimensionsOf(model, folded, *transcoders, workers, 64, 0, 0), options.settings);
  EXPECT_LT(first.least, first.most);

  struct Outcome {
    absl::StatusOr<graph::AttributionGraph> graph;
    int64_t used = 0;
    int64_t reserved = 0;
  };
  const auto attribute = [&](int64_t limit_bytes) -> Outcome {
    MemoryBudget budget(limit_bytes);
    auto memory = budget.Reserve(std::min(first.most, limit_bytes), "test");
    RunContext context;
    context.set_memory(&*memory);
    const testing::AllocationMeter meter;
    auto graph = Attribute(model, folded, *transcoders, input, options, &workers, &context);
    return {std::move(graph), meter.PeakBytes(), memory->bytes()};
  };
  attribute(first.most);  // fills torch's own caches
  const Outcome whole = attribute(first.most);
  ASSERT_THAT(whole.graph, IsOk());
  int64_t limit_bytes = whole.reserved;
  int n_smaller = 0;
  while (true) {
    limit_bytes -= limit_bytes / 8;
    SCOPED_TRACE(limit_bytes);
    const Outcome outcome = attribute(limit_bytes);
    if (!outcome.graph.ok()) {
      EXPECT_THAT(outcome.graph, FailsWith(absl::StatusCode::kInvalidArgument, ""));
      EXPECT_THAT(outcome.graph.status(), HasReason("NEVER_FITS"));
      break;
    }
    ++n_smaller;
    EXPECT_LE(outcome.reserved, limit_bytes);
    EXPECT_LE(outcome.used, outcome.reserved);
    EXPECT_EQ(outcome.graph->selected_features, whole.graph->selected_features);
    EXPECT_TRUE(at::allclose(Dense(*outcome.graph), Dense(*whole.graph), 1e-4, 1e-5));
  }
  EXPECT_GE(n_smaller, 2);
  EXPECT_THAT(attribute(first.most).graph, IsOk());
}

INSTANTIATE_TEST_SUITE_P(Requests, GraphMemory, ::testing::ValuesIn(Cases()),
                         [](const auto& instance) { return instance.param.name; });

std::string ReadAll(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

// Pictures, through the tower of the embedded model.
TEST(GraphMemory, OfPromptsWithPicturesStaysWithinBothEstimates) {
  const std::string folder = "../models/demo";
  RunContext loading;
  const auto engine = LoadEngine({.model_dir = folder,
                                  .transcoder_dir = folder + "/transcoders",
                                  .device = DeviceChoice::kCpu,
                                  .threads = kThreads},
                                 &loading);
  ASSERT_THAT(engine, IsOk());
  for (const int n_images : {1, 6}) {
    SCOPED_TRACE(n_images);
    tokenizer::Prompt prompt;
    for (int i = 0; i < n_images; ++i) {
      prompt.parts.push_back(
          {.image = tokenizer::EncodedImage{
               ReadAll(folder + (i % 2 == 0 ? "/images/mars.png" : "/images/hand_six.png"))}});
    }
    prompt.parts.push_back({.text = "The planet is"});
    const auto prepared = (*engine)->Prepare(prompt);
    ASSERT_THAT(prepared, IsOk());
    const AttributionRequest request;
    const int64_t first = (*engine)->EstimateGraph(*prepared, request).bytes;
    MemoryBudget budget(std::numeric_limits<int64_t>::max());
    auto memory = budget.Reserve(first, "test");
    ASSERT_THAT(memory, IsOk());
    RunContext context;
    context.set_memory(&*memory);
    const testing::AllocationMeter meter;
    const auto graph = (*engine)->Attribute(*prepared, request, &context);
    const int64_t used = meter.PeakBytes();
    ASSERT_THAT(graph, IsOk());
    EXPECT_EQ(graph->image_runs.size(), static_cast<size_t>(n_images));
    EXPECT_GE(first, used);
    EXPECT_GE(memory->bytes(), used);
    EXPECT_LE(static_cast<double>(memory->bytes()), 1.3 * static_cast<double>(used));
  }
}

}  // namespace
}  // namespace cajal::attribution
