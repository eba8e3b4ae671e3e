// Evaluations of the golden transcoder sets against numpy's
// (tests/golden/scripts/make_evaluation.py).
#include "model/features/evaluate_transcoders.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "model/transcoder/load_transcoder_set.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/status_matchers.h"

namespace cajal::features {
namespace {

using nlohmann::json;
using testing::FailsWith;
using testing::GoldenTensors;
using testing::IsOk;
using transcoder::TranscoderSet;

constexpr double kTolerance = 1e-5;
constexpr int kLayers = 6;

std::unique_ptr<TranscoderSet> LoadSet(const std::string& name, const gemma3::Model& model) {
  RunContext context;
  const std::string folder = name.starts_with("clt") ? "golden/formats/" : "golden/transcoders/";
  auto set = transcoder::LoadTranscoderSet(folder + name, model, &context);
  EXPECT_THAT(set, IsOk());
  return *std::move(set);
}

gemma3::ModelInput GoldenInput(const std::string& name) {
  return testing::InputOf(GoldenTensors("golden/forward/forward_" + name + ".safetensors"));
}

void ExpectFigures(const ReconstructionFigures& actual, const json& expected) {
  EXPECT_EQ(actual.tokens, expected["tokens"]);
  EXPECT_NEAR(actual.fvu.value() / expected["fvu"].get<double>(), 1, kTolerance);
  EXPECT_NEAR(actual.mean_l0, expected["mean_l0"], kTolerance);
  EXPECT_NEAR(actual.dead_share, expected["dead_share"], kTolerance);
  EXPECT_NEAR(actual.dense_share, expected["dense_share"], kTolerance);
}

class GoldenEvaluationTest : public ::testing::TestWithParam<std::string> {
 protected:
  GoldenEvaluationTest()
      : model_(testing::LoadTestModel("golden/tiny")), set_(LoadSet(GetParam(), model_)) {
    std::ifstream stream("golden/evaluation.json");
    expected_ = json::parse(stream)[GetParam()];
  }

  const c10::InferenceMode no_autograd_;
  const gemma3::Model model_;
  const std::unique_ptr<TranscoderSet> set_;
  json expected_;
  RunContext context_;
};

class GoldenFiguresTest : public GoldenEvaluationTest {};

TEST_P(GoldenFiguresTest, AreNumpysByLayerAndModality) {
  TranscoderEvaluator evaluator(model_, *set_, 0, kLayers - 1);
  for (const std::string name : {"text", "text_long", "one_image", "two_images_chat"}) {
    ASSERT_THAT(evaluator.Add(GoldenInput(name), &context_), IsOk());
  }
  const std::vector<LayerSums> layers = evaluator.sums();
  ASSERT_EQ(layers.size(), expected_.size());
  for (size_t layer = 0; layer < layers.size(); ++layer) {
    SCOPED_TRACE("layer " + std::to_string(layer));
    ExpectFigures(FiguresOf(layers[layer].text), expected_[layer]["text"]);
    ExpectFigures(FiguresOf(layers[layer].image), expected_[layer]["image"]);
    ExpectFigures(FiguresOf(All(layers[layer])), expected_[layer]["all"]);
  }
}

TEST_P(GoldenFiguresTest, OfSomeLayersAreThoseOfTheseLayersAmongAll) {
  TranscoderEvaluator all(model_, *set_, 0, kLayers - 1);
  TranscoderEvaluator some(model_, *set_, 2, 3);
  const gemma3::ModelInput input = GoldenInput("one_image");
  ASSERT_THAT(all.Add(input, &context_), IsOk());
  ASSERT_THAT(some.Add(input, &context_), IsOk());
  ASSERT_EQ(some.sums().size(), 2u);
  EXPECT_EQ(some.sums()[1].image.squared_error, all.sums()[3].image.squared_error);
  EXPECT_EQ(some.sums()[1].text.activations, all.sums()[3].text.activations);
}

TEST_P(GoldenEvaluationTest, OfALongSequenceDoesNotDependOnHowItIsCutIntoStretches) {
  // Nine copies of the recorded positions: more than are evaluated at once.
  const GoldenTensors golden("golden/forward/forward_text_long.safetensors");
  const bool is_raw = set_->info().output_site == gemma3::HookSite::kMlpOutRaw;
  const at::Tensor x = golden["mlp_in"][4].repeat({9, 1});
  const at::Tensor y = golden[is_raw ? "mlp_out" : "mlp_out_normed"][4].repeat({9, 1});
  ASSERT_GT(x.size(0), kEvaluatedAtOnce);
  const at::Tensor modality = at::arange(x.size(0)).remainder(2);
  ReconstructionStatistics whole(64, 256);
  EvaluateLayer(*set_, 4, x, y, modality, &whole);
  ReconstructionStatistics pieces(64, 256);
  for (const auto& [begin, end] : {std::pair{0, 50}, {50, 51}, {51, 189}}) {
    EvaluateLayer(*set_, 4, x.slice(0, begin, end), y.slice(0, begin, end),
                  modality.slice(0, begin, end), &pieces);
  }
  EXPECT_EQ(whole.sums().image.tokens, 94);
  EXPECT_EQ(pieces.sums().image.tokens, 94);
  EXPECT_EQ(pieces.sums().text.activations, whole.sums().text.activations);
  EXPECT_NEAR(pieces.sums().text.squared_error / whole.sums().text.squared_error, 1, 1e-6);
}

TEST_P(GoldenEvaluationTest, StopsBetweenTheLayersOfAPrompt) {
  auto stop = std::make_shared<StopFlag>();
  RunContext context(stop, RunContext::Clock::time_point::max(), nullptr);
  TranscoderEvaluator evaluator(model_, *set_, 0, kLayers - 1);
  stop->RequestStop(absl::StatusCode::kCancelled);
  EXPECT_THAT(evaluator.Add(GoldenInput("text"), &context),
              FailsWith(absl::StatusCode::kCancelled, "stopped on request"));
}

TEST_P(GoldenEvaluationTest, NeedsBytesForWhatALayerRecordsAndForItsSums) {
  const auto estimate = [&](int last_layer, int64_t n_positions) {
    return EstimateEvaluationBytes(model_.config, set_->info(), 0, last_layer, n_positions, 0);
  };
  // Input and output of 100 positions in float32; sums and counts of both modalities in 8 bytes.
  EXPECT_EQ(estimate(1, 100) - estimate(0, 100), 2 * 100 * 64 * 4 + 2 * (64 + 256) * 8);
  // All features of what is encoded at once.
  EXPECT_GT(estimate(0, 100), 100 * 256 * 4);
}

INSTANTIATE_TEST_SUITE_P(Sets, GoldenFiguresTest,
                         ::testing::Values("plt_topk", "gs2_affine", "clt_native"),
                         [](const auto& set) { return set.param; });
INSTANTIATE_TEST_SUITE_P(Sets, GoldenEvaluationTest, ::testing::Values("plt_topk", "gs2_affine"),
                         [](const auto& set) { return set.param; });

}  // namespace
}  // namespace cajal::features
