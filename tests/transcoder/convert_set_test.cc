// Sets of every format, converted and read back: the same numbers, or a refusal with a reason.
#include "model/transcoder/convert_set.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "model/transcoder/load_transcoder_set.h"
#include "model/transcoder/read_stored_set.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/status_matchers.h"
#include "tests/support/transcoder_files.h"
#include "tests/temp_dir.h"

namespace cajal::transcoder {
namespace {

namespace fs = std::filesystem;
using checkpoint::ElementType;
using testing::FailsWith;
using testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class ConvertSetTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<std::string>> Convert(const std::string& dir, ConvertOptions options) {
    auto set = ReadStoredSet(dir);
    EXPECT_THAT(set, IsOk());
    RunContext context;
    return ConvertSet(*set, options, output_, &context);
  }

  // Everything that a graph is made from, compared between two folders.
  static void ExpectSameNumbers(const std::string& expected_dir, const std::string& dir,
                                double tolerance) {
    const gemma3::Model model = testing::LoadTestModel("golden/tiny");
    RunContext context;
    const auto expected = *LoadTranscoderSet(expected_dir, model, &context);
    const auto actual = *LoadTranscoderSet(dir, model, &context);
    const auto near = [&](const at::Tensor& a, const at::Tensor& b) {
      EXPECT_LE(testing::RelativeToLargest(b, a), tolerance);
    };
    EXPECT_EQ(ActivationName(actual->info()), ActivationName(expected->info()));
    EXPECT_EQ(actual->info().output_site, expected->info().output_site);
    for (int layer = 0; layer < expected->n_layers(); ++layer) {
      const at::Tensor all =
          at::arange(expected->info().features_per_layer[static_cast<size_t>(layer)]);
      near(expected->EncoderRows(layer, all), actual->EncoderRows(layer, all));
      near(expected->EncoderBiases(layer, all), actual->EncoderBiases(layer, all));
      near(expected->DecoderBias(layer), actual->DecoderBias(layer));
      for (int written = layer; written <= expected->LastWrittenLayer(layer); ++written) {
        near(expected->DecoderRows(layer, written, all), actual->DecoderRows(layer, written, all));
      }
      ASSERT_EQ(expected->Skip(layer).has_value(), actual->Skip(layer).has_value());
      if (expected->Skip(layer).has_value()) near(*expected->Skip(layer), *actual->Skip(layer));
    }
  }

  TempDir temp_;
  const std::string output_ = temp_.path() + "/converted";
};

TEST_F(ConvertSetTest, KeepsTheNumbersOfWhatCircuitTracersLayoutHolds) {
  for (const char* dir :
       {"golden/formats/native_relu", "golden/formats/native_jump_skip",
        "golden/formats/native_topk", "golden/formats/sparsify_topk", "golden/formats/clt_native",
        "golden/formats/clt_gs2", "golden/transcoders/gs2_affine", "golden/transcoders/plt_topk"}) {
    SCOPED_TRACE(dir);
    ASSERT_THAT(Convert(dir, {}), IsOk());
    ExpectSameNumbers(dir, output_, 0);
    fs::remove_all(output_);
  }
}

TEST_F(ConvertSetTest, WritesTheTensorsThatCircuitTracerReads) {
  ASSERT_THAT(Convert("golden/formats/clt_gs2", {}), IsOk());
  const testing::GoldenTensors source("golden/formats/clt_gs2/params_layer_2.safetensors");
  const testing::GoldenTensors encoder(output_ + "/W_enc_2.safetensors");
  const testing::GoldenTensors decoder(output_ + "/W_dec_2.safetensors");
  EXPECT_TRUE(at::equal(encoder["W_enc_2"], source["w_enc"].t()));
  EXPECT_TRUE(at::equal(encoder["threshold_2"], source["threshold"]));
  EXPECT_TRUE(at::equal(decoder["W_dec_2"], source["w_dec"].slice(1, 2)));
  fs::remove_all(output_);
  ASSERT_THAT(Convert("golden/transcoders/gs2_affine", {}), IsOk());
  const testing::GoldenTensors layer(output_ + "/layer_0.safetensors");
  const testing::GoldenTensors affine(
      "golden/transcoders/gs2_affine/layer_0_width_256_l0_small_affine/params.safetensors");
  EXPECT_TRUE(at::equal(layer["W_skip"], affine["affine_skip_connection"].t()));
}

TEST_F(ConvertSetTest, RoundsAsTorchDoes) {
  ASSERT_THAT(Convert("golden/formats/sparsify_topk",
                      {.layout = SetLayout::kPaper, .dtype = ElementType::kBF16}),
              IsOk());
  const testing::GoldenTensors source("golden/formats/sparsify_topk/layers.1.mlp/sae.safetensors");
  const auto file = checkpoint::SafetensorsFile::Open(output_ + "/layer_1.safetensors");
  ASSERT_THAT(file, IsOk());
  EXPECT_TRUE(at::equal(gemma3::ViewAsFileTensor(*(*file)->Find("W_enc")),
                        source["encoder.weight"].to(at::kBFloat16)));
  const auto set = ReadStoredSet(output_);
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(set->info.format, "per-layer (the paper's layout)");
  EXPECT_EQ(ActivationName(set->info), "relu_topk(4)");
}

TEST_F(ConvertSetTest, SaysWhatALayoutCannotHold) {
  const auto refuses = [&](const std::string& name, SetLayout layout, const std::string& reason) {
    EXPECT_THAT(Convert("golden/formats/" + name, {.layout = layout}), FailsWith(kInvalid, reason));
    EXPECT_TRUE(fs::is_empty(temp_.path()));
  };
  refuses("sparsify_groupmax", SetLayout::kCircuitTracer, "cannot hold the activation groupmax(4)");
  refuses("clt_training", SetLayout::kCircuitTracer, "cannot hold the activation batchtopk(4)");
  refuses("clt_native", SetLayout::kPaper, "cannot hold cross-layer transcoders");
  refuses("native_relu", SetLayout::kPaper, "only ReLU then TopK");
  refuses("native_topk", SetLayout::kPaper, "only ReLU then TopK");
}

TEST_F(ConvertSetTest, LeavesNothingBehindWhenItFailsAndWritesOverNothing) {
  const std::string dir = temp_.path() + "/source";
  fs::copy("golden/formats/native_relu", dir);
  testing::EditTensors(dir + "/layer_5.safetensors",
                       [](auto* tensors) { (*tensors)["W_dec"][3][5] = INFINITY; });
  EXPECT_THAT(Convert(dir, {}), FailsWith(kInvalid, "layer_5.safetensors: tensor W_dec holds NaN"));
  EXPECT_EQ(std::distance(fs::directory_iterator(temp_.path()), fs::directory_iterator()), 1);
  fs::create_directory(output_);
  EXPECT_THAT(Convert("golden/formats/native_relu", {}),
              FailsWith(absl::StatusCode::kAlreadyExists, "converted exists already"));
}

TEST_F(ConvertSetTest, StopsBetweenLayers) {
  auto stop = std::make_shared<StopFlag>();
  RunContext context(stop, RunContext::Clock::time_point::max(), [&](const Progress& progress) {
    if (progress.done == 2) stop->RequestStop(absl::StatusCode::kCancelled);
  });
  const auto set = ReadStoredSet("golden/formats/clt_native");
  ASSERT_THAT(set, IsOk());
  EXPECT_THAT(ConvertSet(*set, {}, output_, &context), FailsWith(absl::StatusCode::kCancelled, ""));
  EXPECT_TRUE(fs::is_empty(temp_.path()));
}

}  // namespace
}  // namespace cajal::transcoder
