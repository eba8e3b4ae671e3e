#include "model/training/export_transcoders.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/transcoder/load_transcoder_set.h"
#include "model/transcoder/reconstruct.h"
#include "tests/golden_util.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"

namespace cajal::training {
namespace {

using cajal::testing::FailsWith;
using cajal::testing::IsOk;
using cajal::testing::MakeRandomModel;
using cajal::testing::RandomTensors;
using nlohmann::ordered_json;
using ::testing::HasSubstr;

constexpr int kLayers = 2;
constexpr int64_t kWidth = 16;
constexpr int64_t kFeatures = 24;
constexpr int64_t kK = 3;

TranscoderParameters RandomParameters(uint64_t seed) {
  RandomTensors random(seed);
  return {.W_enc = random.Matrix(kFeatures, kWidth),
          .b_enc = random.Vector(kFeatures, 0.1),
          .W_dec = random.Matrix(kFeatures, kWidth),
          .b_dec = random.Vector(kWidth, 0.1),
          .W_skip = random.Matrix(kWidth, kWidth)};  // not symmetric
}

ordered_json RecordWith(double learning_rate) {
  return {{"model", {{"name", "random"}}},
          {"settings",
           {{"k", kK},
            {"learning_rate", learning_rate},
            {"feature_input_hook", "mlp.hook_in"},
            {"feature_output_hook", "mlp.hook_out"}}}};
}

class ExportTest : public ::testing::Test {
 protected:
  ExportTest() : model_(MakeRandomModel({.n_layers = kLayers, .d_model = kWidth}, 3)) {
    std::filesystem::create_directory(dir_.File("training"));
  }

  absl::Status Export(int layer, FloatType dtype, const ordered_json& record) {
    return ExportLayer(files_, layer, RandomParameters(static_cast<uint64_t>(layer)), dtype, record,
                       std::nullopt);
  }

  const gemma3::Model model_;
  const TempDir dir_;
  const TrainingFiles files_{dir_.path(), 0, kLayers - 1};
};

// y_hat = TopK(ReLU(x @ W_enc^T + b_enc)) @ W_dec + b_dec + x @ W_skip^T, term by term.
at::Tensor SlowReconstruction(const TranscoderParameters& p, const at::Tensor& x) {
  at::Tensor y = at::zeros_like(x);
  for (int64_t t = 0; t < x.size(0); ++t) {
    const at::Tensor pre = (at::mv(p.W_enc, x[t]) + p.b_enc).relu();
    const auto [values, features] = pre.sort(0, /*descending=*/true);
    y[t] += p.b_dec + at::mv(p.W_skip, x[t]);
    for (int64_t i = 0; i < kK; ++i) y[t] += values[i] * p.W_dec[features[i].item<int64_t>()];
  }
  return y;
}

TEST_F(ExportTest, IsReadAsTheSetThatWasTrained) {
  for (const FloatType dtype : {FloatType::kFloat32, FloatType::kBFloat16}) {
    for (int layer = 0; layer < kLayers; ++layer) {
      ASSERT_THAT(Export(layer, dtype, RecordWith(1)), IsOk());
    }
    const auto n = AssembleSet(files_, model_.config, RecordWith(1));
    ASSERT_THAT(n, IsOk());
    EXPECT_EQ(*n, kLayers);
    RunContext context;
    const auto set = transcoder::LoadTranscoderSet(dir_.path(), model_, &context);
    ASSERT_THAT(set, IsOk());
    EXPECT_EQ(transcoder::ActivationName((*set)->info()), "relu_topk(3)");
    EXPECT_EQ((*set)->info().output_site, gemma3::HookSite::kMlpOutRaw);
    const at::Tensor x = RandomTensors(9).Matrix(7, kWidth, 4);
    for (int layer = 0; layer < kLayers; ++layer) {
      TranscoderParameters parameters = RandomParameters(static_cast<uint64_t>(layer));
      if (dtype == FloatType::kBFloat16) {
        for (at::Tensor* tensor : {&parameters.W_enc, &parameters.b_enc, &parameters.W_dec,
                                   &parameters.b_dec, &parameters.W_skip}) {
          *tensor = tensor->to(at::kBFloat16).to(at::kFloat);
        }
      }
      const auto active = (*set)->Encode(layer, x, 0);
      EXPECT_TRUE(at::allclose(transcoder::Reconstruct(**set, layer, x, active).output,
                               SlowReconstruction(parameters, x), 1e-5, 1e-5));
    }
  }
}

TEST_F(ExportTest, IsNoSetUntilEveryLayerIsThere) {
  ASSERT_THAT(Export(1, FloatType::kFloat32, RecordWith(1)), IsOk());
  const auto n = AssembleSet(files_, model_.config, RecordWith(1));
  ASSERT_THAT(n, IsOk());
  EXPECT_EQ(*n, 1);
  EXPECT_FALSE(std::filesystem::exists(files_.config()));
  const auto manifest = ordered_json::parse(golden::ReadBytes(files_.manifest()));
  ASSERT_EQ(manifest.at("layers").size(), 1U);
  EXPECT_EQ(manifest.at("layers")[0].at("file"), "layer_1.safetensors");
}

TEST_F(ExportTest, RefusesLayersThatWereMadeInAnotherWay) {
  ASSERT_THAT(Export(0, FloatType::kFloat32, RecordWith(1)), IsOk());
  ASSERT_THAT(Export(1, FloatType::kFloat32, RecordWith(2)), IsOk());
  EXPECT_THAT(AssembleSet(files_, model_.config, RecordWith(2)),
              FailsWith(absl::StatusCode::kFailedPrecondition,
                        "holds layer 0 of another run: settings/learning_rate was 1.0 and is now "
                        "2.0"));
}

TEST_F(ExportTest, SaysHowEachLayerDoesOnHeldOutData) {
  LayerFigures figures{.layer = 0};
  figures.image = {.tokens = 4, .fvu = 0.25, .mean_l0 = 3, .dead_share = 0.5};
  ASSERT_THAT(
      ExportLayer(files_, 0, RandomParameters(0), FloatType::kFloat32, RecordWith(1), figures),
      IsOk());
  ASSERT_THAT(AssembleSet(files_, model_.config, RecordWith(1)), IsOk());
  const auto manifest = ordered_json::parse(golden::ReadBytes(files_.manifest()));
  const ordered_json& held_out = manifest.at("layers")[0].at("held_out");
  EXPECT_EQ(held_out.at("image").at("fvu"), 0.25);
  EXPECT_EQ(held_out.at("image").at("dead_share"), 0.5);
  EXPECT_TRUE(held_out.at("text").at("fvu").is_null());
}

}  // namespace
}  // namespace cajal::training
