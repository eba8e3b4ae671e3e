#include "model/attribution/byte_estimate.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cajal::attribution {
namespace {

checkpoint::Gemma3Config Gemma4b() {
  checkpoint::Gemma3Config config;
  config.text.hidden_size = 2560;
  config.text.intermediate_size = 10240;
  config.text.num_hidden_layers = 34;
  config.vision = checkpoint::VisionConfig{.hidden_size = 1152,
                                           .intermediate_size = 4304,
                                           .num_hidden_layers = 27,
                                           .num_attention_heads = 16,
                                           .image_size = 896,
                                           .patch_size = 14};
  return config;
}

transcoder::TranscoderSetInfo PaperSet() {
  return {.activation = transcoder::ActivationKind::kReluTopK,
          .k = 48,
          .features_per_layer = std::vector<int64_t>(34, 163840)};
}

// The most bytes for one picture in 290 positions.
int64_t MostBytes(const transcoder::TranscoderSetInfo& set,
                  const graph::GraphSettings& settings = {}) {
  const checkpoint::Gemma3Config config = Gemma4b();
  return EstimateGraphBytes(
             {.config = config, .transcoders = set, .n_positions = 290, .n_images = 1}, settings)
      .most.device;
}

// The paper's graph: one picture, 290 positions, 7500 features.
TEST(ByteEstimate, OfThePapersGraphFitsBesideItsTranscodersOnOneLargeGpu) {
  const int64_t bytes = MostBytes(PaperSet());
  // By hand: 34 * 290 * 48 features, as many errors and biases as (layer, position)s, and the
  // tokens are 493 290 sources. Their vectors take 5.05 GB; 10 rows of logits over all of them and
  // 7500 over the 478 790 below the last layer 14.38 GB.
  EXPECT_GT(bytes, int64_t{19'430'000'000});
  EXPECT_LT(bytes, int64_t{30'000'000'000});
}

// By hand, for 64 rows in bfloat16: 64 * (493 290 sources + 290 * 2560) numbers, and as many again
// as the second part while rows are added, take 253.2 MB; an eighth of 2.026 GB.
TEST(ByteEstimate, LetsAGpuSweepAsManyRowsAsAnEighthOfTheBudgetHolds) {
  const checkpoint::Gemma3Config config = Gemma4b();
  const transcoder::TranscoderSetInfo set = PaperSet();
  const GraphDimensions dimensions{.config = config,
                                   .transcoders = set,
                                   .n_positions = 290,
                                   .gradient_bytes = 2,
                                   .on_cpu = false};
  for (const auto& [budget_bytes, rows] :
       {std::pair(int64_t{0}, 64), std::pair(int64_t{4'040'000'000}, 64),
        std::pair(int64_t{4'060'000'000}, 128), std::pair(int64_t{6'100'000'000}, 192),
        std::pair(int64_t{8'120'000'000}, 256), std::pair(int64_t{1} << 60, 256)}) {
    EXPECT_EQ(SweepRowsOfGpu(dimensions, budget_bytes), rows) << budget_bytes;
  }
}

// By hand: 63 rows less hold 493 290 sources each, 4 bytes a number, of a graph with so few rows
// that edges and encoding take less.
TEST(ByteEstimate, AllowsForOneRowAtOnceInItsLowerBound) {
  const checkpoint::Gemma3Config config = Gemma4b();
  const transcoder::TranscoderSetInfo set = PaperSet();
  const ByteBounds bounds =
      EstimateGraphBytes({.config = config, .transcoders = set, .n_positions = 290, .n_images = 1},
                         {.max_feature_nodes = 1000});
  EXPECT_GE(bounds.most.device - bounds.least.device, int64_t{63} * 493'290 * 4);
}

// By hand: 10 rows over 493 290 sources and 7500 over 478 790, 2 bytes a number, are 7.19 GB, the
// sources' vectors 2.52 GB.
TEST(ByteEstimate, CountsRowsThatMayLeaveAGpuAsTheHostsInItsLowerBound) {
  const checkpoint::Gemma3Config config = Gemma4b();
  const transcoder::TranscoderSetInfo set = PaperSet();
  GraphDimensions dimensions{.config = config,
                             .transcoders = set,
                             .n_positions = 290,
                             .gradient_bytes = 2,
                             .on_cpu = false};
  const graph::GraphSettings settings{.max_feature_nodes = 7500};
  const ByteBounds stay = EstimateGraphBytes(dimensions, settings);
  dimensions.rows_may_leave = true;
  const ByteBounds leave = EstimateGraphBytes(dimensions, settings);
  EXPECT_GE(stay.least.device, int64_t{9'710'000'000});
  EXPECT_GE(leave.least.device, int64_t{2'520'000'000});
  EXPECT_LE(leave.least.device, int64_t{4'000'000'000});
  EXPECT_GE(leave.least.host - stay.least.host, int64_t{7'190'000'000});
  EXPECT_LE(leave.least.host - stay.least.host, int64_t{8'000'000'000});
  EXPECT_EQ(leave.most.device, stay.most.device);
}

// The same graph with streamed encoders and rows on the host, 128 of them swept at once, where
// weights in bfloat16 leave 4.56 GB of 12 GiB. By hand: 262 208 rows of the embedding, and in each
// of 34 layers 2560 times the heads' 2048 * 2 + 1024 * 2 and the MLP's 3 * 10 240, are 7.76 GB; the
// folded matrices of values and outputs, 3072 times 2560 a layer, 0.53 GB; biases of 163 840
// features in float32 0.02 GB.
TEST(ByteEstimate, OfThePapersGraphFitsBesideTheDecoderOnAGpuOfTwelveGibibytes) {
  const checkpoint::Gemma3Config config = Gemma4b();
  const transcoder::TranscoderSetInfo set = PaperSet();
  const GraphDimensions dimensions{.config = config,
                                   .transcoders = set,
                                   .n_positions = 290,
                                   .sweep_rows = 128,
                                   .weight_bytes = 2,
                                   .gradient_bytes = 2,
                                   .on_cpu = false,
                                   .streamed_encoder_bytes = 2 * 64 << 20,
                                   .n_copied_vectors = 0,
                                   .rows = RowPlace::kHost};
  constexpr double kColumns = 493'290;
  const RowPlan rows{.n_rows = 7510,
                     .n_values = 7510 * kColumns,
                     .n_edges = 7510 * 17'650,
                     .n_batches = 7510,
                     .most_rows = 128,
                     .n_sweeping = 128 * kColumns + SweepNumbers(dimensions, 128, kColumns, 290),
                     .n_selected = 7500};
  const std::vector<int64_t> n_active(34, 289 * 48);
  EXPECT_LE(GraphBytes(dimensions, n_active, rows).device, int64_t{4'560'000'000});
}

TEST(ByteEstimate, TakesAllOfABudgetThatIsTooSmallForTheMost) {
  const ByteBounds bounds{.least = {.device = 100, .host = 40},
                          .most = {.device = 300, .host = 10}};
  const auto within = [&](int64_t budget_bytes) {
    const GraphMemory bytes = bounds.Within(budget_bytes);
    return std::pair(bytes.device, bytes.host);
  };
  EXPECT_EQ(within(300), std::pair(int64_t{300}, int64_t{10}));
  EXPECT_EQ(within(299), std::pair(int64_t{299}, int64_t{40}));
  EXPECT_EQ(within(50), std::pair(int64_t{100}, int64_t{40}));
}

TEST(ByteEstimate, CountsAVectorForEachLayerThatAFeatureWritesTo) {
  transcoder::TranscoderSetInfo to_the_next_layer = PaperSet();
  for (int layer = 0; layer < 34; ++layer) {
    to_the_next_layer.last_written.push_back(std::min(layer + 1, 33));
  }
  // 33 layers of 290 * 48 features write once more, 2560 floats each.
  EXPECT_GE(MostBytes(to_the_next_layer) - MostBytes(PaperSet()),
            int64_t{33} * 290 * 48 * 2560 * 4);
}

TEST(ByteEstimate, CountsNamedTargetsInsteadOfTheDefaultNumber) {
  graph::GraphSettings settings;
  const int64_t by_probability = MostBytes(PaperSet(), settings);
  settings.targets.assign(110, {.what = graph::NamedToken{"token"}});
  // A hundred rows more than the default's ten, 493 290 floats each.
  EXPECT_GE(MostBytes(PaperSet(), settings) - by_probability, int64_t{100} * 493'290 * 4);
}

// Sets without a k do not bound their features: 34 * 289 of them, times 163 840, 2560 floats each.
TEST(ByteEstimate, IsUnboundedInAllButNameWhenTheSetHasNoK) {
  transcoder::TranscoderSetInfo set = PaperSet();
  set.activation = transcoder::ActivationKind::kJumpRelu;
  const checkpoint::Gemma3Config config = Gemma4b();
  const ByteBounds bounds = EstimateGraphBytes(
      {.config = config, .transcoders = set, .n_positions = 290, .n_images = 1}, {});
  EXPECT_GT(bounds.most.device, int64_t{34} * 289 * 163'840 * 2560 * 4);
  EXPECT_LT(bounds.least.device, MostBytes(PaperSet()));
}

}  // namespace
}  // namespace cajal::attribution
