// The two estimates of a graph's memory against what is really allocated, over many requests.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <set>
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
  add("OneByOne").settings.batch_size = 1;
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

// What a case's requests are made of.
struct World {
  explicit World(const Case& c) : model(testing::MakeRandomModel(c.model, 1)) {
    ConvertMatrices(c.dtype, &model);
    transcoders = testing::MakeRandomTranscoders(model, c.transcoders, 2);
    folded = FoldModel(model, *transcoders, c.gradients);
    input.token_ids = testing::RandomTensors(3).TokenIds(c.n_positions, c.model.vocab);
  }

  [[nodiscard]] ByteBounds FirstEstimate(const Case& c, bool rows_may_leave = false) const {
    GraphDimensions dimensions =
        DimensionsOf(model, folded, *transcoders, workers, c.n_positions, 0, /*budget_bytes=*/0);
    dimensions.rows_may_leave = rows_may_leave;
    return EstimateGraphBytes(dimensions, c.settings);
  }

  gemma3::Model model;
  std::unique_ptr<transcoder::TranscoderSet> transcoders;
  FoldedModel folded;
  gemma3::ModelInput input;
  SweepWorkers workers;
};

struct Outcome {
  absl::StatusOr<graph::AttributionGraph> graph;
  int64_t used = 0;
  int64_t reserved = 0;  // when it ended
};

// With a budget of so many bytes, all of them reserved at first.
Outcome AttributeWithin(int64_t limit_bytes, const AttributeOptions& options, World* world) {
  MemoryBudget budget(limit_bytes);
  auto memory = budget.Reserve(limit_bytes, "test");
  RunContext context;
  context.set_memory(&*memory);
  const testing::AllocationMeter meter;
  auto graph = Attribute(world->model, world->folded, *world->transcoders, world->input, options,
                         &world->workers, &context);
  return {std::move(graph), meter.PeakBytes(), memory->bytes()};
}

class GraphMemory : public ::testing::TestWithParam<Case> {};

TEST_P(GraphMemory, StaysWithinBothEstimatesAndCloseToTheSecond) {
  const Case& c = GetParam();
  const c10::InferenceMode no_autograd;
  at::set_num_threads(kThreads);
  World world(c);
  const int64_t first = world.FirstEstimate(c).most.device;
  const AttributeOptions options{.settings = c.settings};
  if (c.gradients != at::kFloat) {
    // oneDNN keeps what it makes of each shape for good.
    ASSERT_THAT(AttributeWithin(first, options, &world).graph, IsOk());
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
    const Outcome outcome = AttributeWithin(first, options, &world);
    ASSERT_THAT(outcome.graph, IsOk());
    second = outcome.reserved;
    most_used = std::max(most_used, outcome.used);
    EXPECT_GE(first, outcome.used);
    EXPECT_GE(second, outcome.used);
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
  const Case c{.settings = {.max_feature_nodes = 64, .batch_size = 64}};
  World world(c);
  const AttributeOptions options{.settings = c.settings};
  const ByteBounds first = world.FirstEstimate(c);
  EXPECT_LT(first.least.device, first.most.device);
  const auto attribute = [&](int64_t limit_bytes) {
    return AttributeWithin(limit_bytes, options, &world);
  };
  attribute(first.most.device);  // fills torch's own caches
  const Outcome whole = attribute(first.most.device);
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
  EXPECT_THAT(attribute(first.most.device).graph, IsOk());
}

// Bytes of all rows, each as wide as what lies below its layer: tokens, and of each layer features
// and two more columns a position.
int64_t RowBytes(const graph::AttributionGraph& graph, int64_t bytes_of_number) {
  std::vector<int64_t> below(static_cast<size_t>(graph.n_layers) + 1, graph.n_positions());
  for (size_t layer = 1; layer < below.size(); ++layer) {
    below[layer] = below[layer - 1] + 2 * graph.n_positions() +
                   std::count_if(graph.active_features.begin(), graph.active_features.end(),
                                 [&](const graph::FeatureNode& feature) {
                                   return feature.layer + 1 == static_cast<int64_t>(layer);
                                 });
  }
  int64_t n_values = graph.n_logits() * below.back();
  for (const int64_t feature : graph.selected_features) {
    n_values +=
        below[static_cast<size_t>(graph.active_features[static_cast<size_t>(feature)].layer)];
  }
  return n_values * bytes_of_number;
}

void ExpectSameBits(const graph::AttributionGraph& graph, const graph::AttributionGraph& expected) {
  EXPECT_EQ(graph.selected_features, expected.selected_features);
  EXPECT_EQ(graph.edges.row_begin, expected.edges.row_begin);
  EXPECT_EQ(graph.edges.columns, expected.edges.columns);
  EXPECT_EQ(graph.edges.weights, expected.edges.weights);
  EXPECT_EQ(graph.bias, expected.bias);
  EXPECT_EQ(graph.pre_activations, expected.pre_activations);
  EXPECT_EQ(graph.additivity.max_relative_error, expected.additivity.max_relative_error);
}

class RowsOnHost : public ::testing::TestWithParam<Case> {};

// One byte less than rows on the device need.
TEST_P(RowsOnHost, AreCountedThereAndGiveTheSameGraph) {
  const Case& c = GetParam();
  const c10::InferenceMode no_autograd;
  at::set_num_threads(kThreads);
  World world(c);
  const ByteBounds first = world.FirstEstimate(c, /*rows_may_leave=*/true);
  const AttributeOptions options{.settings = c.settings, .rows_may_leave = true};
  if (c.gradients != at::kFloat) {
    // oneDNN keeps what it makes of each shape for good.
    ASSERT_THAT(AttributeWithin(first.most.device, options, &world).graph, IsOk());
  }
  const Outcome on_device = AttributeWithin(first.most.device, options, &world);
  ASSERT_THAT(on_device.graph, IsOk());
  const graph::AttributionGraph& expected = *on_device.graph;
  const auto bytes_of_number = static_cast<int64_t>(c10::elementSize(c.gradients));
  const int64_t row_bytes = RowBytes(expected, bytes_of_number);
  EXPECT_GE(first.least.host, row_bytes);
  // What carries them there has two buffers of a batch each. A twenty-fifth for what torch adds.
  const int64_t n_columns = std::ssize(expected.active_features) +
                            (1 + 2 * int64_t{expected.n_layers}) * expected.n_positions();
  const int64_t most_rows =
      std::min<int64_t>(64, std::max(c.settings.batch_size, expected.n_logits()));
  const int64_t host_bytes =
      row_bytes + row_bytes / 25 + 2 * most_rows * n_columns * bytes_of_number;
  constexpr int kMostRuns = 6;
  int64_t estimated = 0;
  int64_t most_used = 0;
  // On a busy machine the two sweeps of a run hardly overlap, and what they hold together is a
  // larger part of what is left on the device: more room than where rows are there, too.
  const auto is_close = [&] {
    return static_cast<double>(estimated) <= 1.4 * static_cast<double>(most_used);
  };
  for (int run = 1; run <= 2 || (run <= kMostRuns && !is_close()); ++run) {
    SCOPED_TRACE(run);
    const Outcome outcome = AttributeWithin(on_device.reserved - 1, options, &world);
    ASSERT_THAT(outcome.graph, IsOk());
    ExpectSameBits(*outcome.graph, expected);
    EXPECT_LT(outcome.reserved, on_device.reserved - row_bytes / 4);
    estimated = outcome.reserved + host_bytes;
    most_used = std::max(most_used, outcome.used);
    EXPECT_GE(estimated, outcome.used);
  }
  EXPECT_TRUE(is_close()) << estimated << " bytes estimated, " << most_used << " used";
}

// Cases whose rows are a large part.
std::vector<Case> CasesOfManyRows() {
  const std::set<std::string> names = {"AllFeatures", "Bfloat16Gradients", "RankedOften",
                                       "RankedOnce",  "SmallBatches",      "SkipAndManyLogits"};
  std::vector<Case> cases = Cases();
  cases.erase(std::remove_if(cases.begin(), cases.end(),
                             [&names](const Case& c) { return names.count(c.name) == 0; }),
              cases.end());
  const auto add_all_features = [&cases](const std::string& name) -> Case& {
    return cases.emplace_back(Case{.name = "AllFeatures" + name});
  };
  add_all_features("OneByOne").settings.batch_size = 1;
  add_all_features("InBatchesOf16").settings.batch_size = 16;
  add_all_features("CrossLayer").transcoders.n_targets = 6;
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Requests, RowsOnHost, ::testing::ValuesIn(CasesOfManyRows()),
                         [](const auto& instance) { return instance.param.name; });

// A budget that a graph never fits whose rows stay.
TEST(GraphMemory, SufficesForRowsThatLeaveWhereItNeverDidForThoseThatStay) {
  const c10::InferenceMode no_autograd;
  at::set_num_threads(kThreads);
  Case c{.n_positions = 24, .settings = {.max_feature_nodes = 1500, .batch_size = 64}};
  c.transcoders.activation = ActivationKind::kRelu;  // many more sources than nodes
  World world(c);
  const AttributeOptions stay{.settings = c.settings};
  const AttributeOptions leave{.settings = c.settings, .rows_may_leave = true};
  const Outcome whole = AttributeWithin(world.FirstEstimate(c).most.device, stay, &world);
  ASSERT_THAT(whole.graph, IsOk());
  const int64_t limit_bytes = RowBytes(*whole.graph, sizeof(float));
  const Outcome refused = AttributeWithin(limit_bytes, stay, &world);
  EXPECT_THAT(refused.graph, FailsWith(absl::StatusCode::kInvalidArgument, ""));
  EXPECT_THAT(refused.graph.status(), HasReason("NEVER_FITS"));
  const Outcome outcome = AttributeWithin(limit_bytes, leave, &world);
  ASSERT_THAT(outcome.graph, IsOk());
  EXPECT_LE(outcome.reserved, limit_bytes);
  ExpectSameBits(*outcome.graph, *whole.graph);
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
