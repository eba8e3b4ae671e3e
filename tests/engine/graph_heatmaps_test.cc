// The heatmaps that graphs keep, against the recipe computed step by step in float64 from the
// attention patterns that Forward records.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "model/engine.h"
#include "model/image/decode_image.h"
#include "tests/golden_util.h"
#include "tests/support/status_matchers.h"

namespace cajal {
namespace {

using testing::IsOk;
using tokenizer::EncodedImage;
using tokenizer::Prompt;

// [n, n], row-major.
using Matrix = std::vector<double>;

std::unique_ptr<Engine> Load(const std::string& model, const std::string& transcoders,
                             int64_t vision_cache_bytes) {
  RunContext context;
  auto engine = LoadEngine({.model_dir = model,
                            .transcoder_dir = transcoders,
                            .device = DeviceChoice::kCpu,
                            .vision_cache_bytes = vision_cache_bytes},
                           &context);
  EXPECT_THAT(engine, IsOk());
  return *std::move(engine);
}

PreparedPrompt PreparedFor(const Engine& engine, const Prompt& prompt) {
  auto prepared = engine.Prepare(prompt);
  EXPECT_THAT(prepared, IsOk());
  return *std::move(prepared);
}

// Few features: the heatmaps need none.
graph::AttributionGraph GraphOf(Engine& engine, const PreparedPrompt& prompt) {
  AttributionRequest request;
  request.settings.max_feature_nodes = 4;
  RunContext context;
  auto graph = engine.Attribute(prompt, request, &context);
  EXPECT_THAT(graph, IsOk());
  return *std::move(graph);
}

// The mean of a layer's kept heads with the identity added, its rows normalised.
//   patterns: [heads, n, n]
Matrix LayerMatrix(const std::vector<Matrix>& patterns, int64_t n) {
  std::vector<double> entropies;
  for (const Matrix& pattern : patterns) {
    double entropy = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double sum = std::accumulate(&pattern[i * n], &pattern[i * n] + n, 0.0);
      for (int64_t j = 0; j < n; ++j) {
        const double p = pattern[i * n + j] / (sum + 1e-6);
        entropy -= p * std::log(p + 1e-6) / static_cast<double>(n);
      }
    }
    entropies.push_back(entropy);
  }
  std::vector<size_t> order(patterns.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return entropies[a] < entropies[b]; });
  order.resize(1);  // round(0.30 * 4) of four heads
  Matrix a(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n; ++i) {
    double sum = 1e-6;
    for (int64_t j = 0; j < n; ++j) {
      a[i * n + j] = patterns[order[0]][i * n + j] + (i == j ? 1 : 0);
      sum += a[i * n + j];
    }
    for (int64_t j = 0; j < n; ++j) a[i * n + j] /= sum;
  }
  return a;
}

Matrix Product(const Matrix& a, const Matrix& b, int64_t n) {
  Matrix product(a.size());
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < n; ++k) {
      for (int64_t j = 0; j < n; ++j) product[i * n + j] += a[i * n + k] * b[k * n + j];
    }
  }
  return product;
}

// Levels of 0 to 255.
std::vector<double> Stretched(std::vector<double> map) {
  std::vector<double> sorted = map;
  std::sort(sorted.begin(), sorted.end());
  const double place = 0.95 * static_cast<double>(map.size() - 1);
  const auto below = static_cast<size_t>(place);
  const double limit =
      sorted[below] + (place - std::floor(place)) * (sorted[below + 1] - sorted[below]);
  for (double& value : map)
    value = 255 * (std::min(value, limit) - sorted[0]) / (limit - sorted[0]);
  return map;
}

// Of one picture, [mosaic side, mosaic side]. `patterns`: what Forward recorded, by layer.
std::vector<double> ExpectedMosaic(const std::vector<NamedArray>& patterns, size_t picture,
                                   size_t n_last, int64_t tokens_per_side) {
  const int64_t n_heads = patterns[0].shape[1];
  const int64_t n = patterns[0].shape[2];
  const int64_t patches_per_side = std::llround(std::sqrt(static_cast<double>(n)));
  const int64_t block = patches_per_side / tokens_per_side;
  Matrix rollout;
  for (size_t layer = patterns.size() - n_last; layer < patterns.size(); ++layer) {
    std::vector<Matrix> heads;
    for (int64_t head = 0; head < n_heads; ++head) {
      const float* values =
          patterns[layer].values.data() + (static_cast<int64_t>(picture) * n_heads + head) * n * n;
      heads.emplace_back(values, values + n * n);
    }
    const Matrix a = LayerMatrix(heads, n);
    rollout = rollout.empty() ? a : Product(a, rollout, n);
  }
  const int64_t side = tokens_per_side * patches_per_side;
  std::vector<double> mosaic(static_cast<size_t>(side * side));
  for (int64_t row = 0; row < tokens_per_side; ++row) {
    for (int64_t column = 0; column < tokens_per_side; ++column) {
      std::vector<double> map(static_cast<size_t>(n), 0.0);
      for (int64_t patch = 0; patch < n; ++patch) {
        const bool is_of_token =
            patch / patches_per_side / block == row && patch % patches_per_side / block == column;
        for (int64_t j = 0; is_of_token && j < n; ++j) {
          map[j] = std::max(map[j], rollout[patch * n + j]);
        }
      }
      map = Stretched(map);
      for (int64_t patch = 0; patch < n; ++patch) {
        const int64_t y = row * patches_per_side + patch / patches_per_side;
        const int64_t x = column * patches_per_side + patch % patches_per_side;
        mosaic[y * side + x] = map[patch];
      }
    }
  }
  return mosaic;
}

// Every level is the nearest one, up to what float32 moves over the border between two.
void ExpectMosaic(const std::string& png, const std::vector<double>& expected) {
  const auto mosaic = image::DecodeImage(png, 1'000'000);
  ASSERT_THAT(mosaic, IsOk());
  ASSERT_EQ(mosaic->width, mosaic->height);
  ASSERT_EQ(mosaic->pixels.size(), 3 * expected.size());
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(mosaic->pixels[3 * i] - expected[i]));
  }
  EXPECT_LE(largest, 0.51);
}

void ExpectMapsOfEachPicture(Engine& engine, const Prompt& prompt, size_t n_last,
                             int64_t tokens_per_side) {
  const PreparedPrompt prepared = PreparedFor(engine, prompt);
  const graph::AttributionGraph graph = GraphOf(engine, prepared);
  RunContext context;
  const auto forward =
      engine.Forward(prepared, {.hooks = {"vision.blocks.*.attn.hook_pattern"}}, &context);
  ASSERT_THAT(forward, IsOk());
  ASSERT_EQ(graph.image_runs.size(), prepared.tokenized.image_spans.size());
  for (size_t i = 0; i < graph.image_runs.size(); ++i) {
    SCOPED_TRACE(i);
    ExpectMosaic(graph.image_runs[i].heatmaps,
                 ExpectedMosaic(forward->arrays, i, n_last, tokens_per_side));
  }
}

TEST(GraphHeatmapsTest, OfTheEmbeddedModelAreTheRecipesOverItsLastFourLayers) {
  const std::string folder = "../models/demo";
  const auto engine = Load(folder, folder + "/transcoders", int64_t{1} << 20);
  ASSERT_GE(engine->info().n_vision_layers, 4);
  ExpectMapsOfEachPicture(
      *engine,
      {.parts = {{.text = "<start_of_image> This is planet"},
                 {.image = EncodedImage{golden::ReadBytes(folder + "/images/mars.png")}}}},
      4, 4);
}

TEST(GraphHeatmapsTest, OfATowerOfThreeLayersLookIntoAllOfThemAndEveryPictureHasItsOwn) {
  const auto engine = Load("golden/tiny", "golden/transcoders/plt_topk", int64_t{1} << 20);
  const Prompt prompt = {
      .parts = {{.text = "<start_of_image> and <start_of_image>"},
                {.image = EncodedImage{golden::ReadBytes("golden/images/shapes_97x61.png")}},
                {.image = EncodedImage{golden::ReadBytes("golden/images/noise_56x56.png")}}}};
  ExpectMapsOfEachPicture(*engine, prompt, 3, 2);
  const graph::AttributionGraph graph = GraphOf(*engine, PreparedFor(*engine, prompt));
  EXPECT_NE(graph.image_runs[0].heatmaps, graph.image_runs[1].heatmaps);
}

TEST(GraphHeatmapsTest, CostNoSecondRunOfTheTowerEvenWhereNothingIsRemembered) {
  const auto engine = Load("golden/tiny", "golden/transcoders/plt_topk", 0);
  const PreparedPrompt prompt = PreparedFor(
      *engine,
      {.parts = {{.text = "<start_of_image> This is"},
                 {.image = EncodedImage{golden::ReadBytes("golden/images/shapes_97x61.png")}}}});
  int n_tower_runs = 0;
  RunContext context(std::make_shared<StopFlag>(), RunContext::Clock::time_point::max(),
                     [&](const Progress& progress) {
                       if (progress.phase == "vision" && progress.done == 0) ++n_tower_runs;
                     });
  AttributionRequest request;
  request.settings.max_feature_nodes = 4;
  ASSERT_THAT(engine->Attribute(prompt, request, &context), IsOk());
  EXPECT_EQ(n_tower_runs, 1);
}

TEST(GraphHeatmapsTest, OfATextAreNone) {
  const auto engine = Load("golden/tiny", "golden/transcoders/plt_topk", 0);
  const PreparedPrompt prompt = PreparedFor(*engine, {.parts = {{.text = "This is"}}});
  EXPECT_TRUE(GraphOf(*engine, prompt).image_runs.empty());
}

// A graph of few features needs little: its heatmaps may be the most that is held at once.
TEST(GraphHeatmapsTest, AreWithinTheGraphsEstimate) {
  const auto engine = Load("golden/tiny", "golden/transcoders/plt_topk", 0);
  const PreparedPrompt prompt = PreparedFor(
      *engine,
      {.parts = {{.text = "<start_of_image> This is"},
                 {.image = EncodedImage{golden::ReadBytes("golden/images/shapes_97x61.png")}}}});
  rollout::RolloutRequest heatmaps;
  heatmaps.settings.last_layers = 3;
  for (const int32_t max_feature_nodes : {1, 1000}) {
    AttributionRequest request;
    request.settings.max_feature_nodes = max_feature_nodes;
    EXPECT_GE(engine->EstimateGraph(prompt, request).bytes,
              engine->EstimateBytes(prompt, heatmaps));
  }
}

}  // namespace
}  // namespace cajal
