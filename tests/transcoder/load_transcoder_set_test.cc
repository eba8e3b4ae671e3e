// Transcoder sets from disk: what the formats mean, and what is refused.
#include "model/transcoder/load_transcoder_set.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "model/transcoder/activation.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/status_matchers.h"
#include "tests/support/transcoder_files.h"
#include "tests/temp_dir.h"

namespace cajal::transcoder {
namespace {

using gemma3::HookSite;
using testing::EditTensors;
using testing::FailsWith;
using testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class LoadTranscoderSetTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    model_ = new gemma3::Model(testing::LoadTestModel("golden/tiny"));
  }
  static void TearDownTestSuite() { delete model_; }

  // A private copy of a golden set, to be damaged.
  std::string CopyOf(const std::string& name) {
    const std::string dir = temp_.path() + "/" + name;
    std::filesystem::copy("golden/transcoders/" + name, dir,
                          std::filesystem::copy_options::recursive);
    return dir;
  }

  void ReplaceInConfig(const std::string& dir, const std::string& from, const std::string& to) {
    testing::ReplaceInFile(dir + "/config.yaml", from, to);
  }

  absl::StatusOr<std::unique_ptr<TranscoderSet>> Load(const std::string& dir) {
    RunContext context;
    return LoadTranscoderSet(dir, *model_, &context);
  }

  static gemma3::Model* model_;
  TempDir temp_;
};
gemma3::Model* LoadTranscoderSetTest::model_ = nullptr;

TEST_F(LoadTranscoderSetTest, ReadsThePapersLayout) {
  const auto set = Load("golden/transcoders/plt_topk");
  ASSERT_THAT(set, IsOk());
  const TranscoderSetInfo& info = (*set)->info();
  EXPECT_EQ(ActivationName(info), "relu_topk(16)");
  EXPECT_EQ(info.input_site, HookSite::kMlpIn);
  EXPECT_EQ(info.output_site, HookSite::kMlpOutRaw);
  EXPECT_EQ(info.features_per_layer, std::vector<int64_t>(6, 256));
  EXPECT_FALSE(info.has_skip);
}

TEST_F(LoadTranscoderSetTest, ReadsGemmaScope2) {
  const auto set = Load("golden/transcoders/gs2_affine");
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(ActivationName((*set)->info()), "jump_relu");
  EXPECT_EQ((*set)->info().output_site, HookSite::kMlpOut);
  EXPECT_TRUE((*set)->info().has_skip);
  // The affine path is used as x @ A: what is stored, not its transpose.
  const testing::GoldenTensors file(
      "golden/transcoders/gs2_affine/layer_0_width_256_l0_small_affine/params.safetensors");
  EXPECT_TRUE(at::equal(*(*set)->Skip(0), file["affine_skip_connection"]));
}

TEST_F(LoadTranscoderSetTest, ReadsGemmaScope2AsPublishedWithoutAnIndex) {
  const std::string dir = CopyOf("gs2_affine");
  std::filesystem::remove(dir + "/config.yaml");
  const auto set = Load(dir);
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ((*set)->info().output_site, HookSite::kMlpOut);
  EXPECT_EQ(ActivationName((*set)->info()), "jump_relu");
}

// Gemma Scope 2 was trained without the first four tokens of a chat; the paper's files were not.
TEST_F(LoadTranscoderSetTest, LeavesOutTheChatsPrefixForGemmaScope2OfInstructionTunedModels) {
  EXPECT_EQ((*Load("golden/transcoders/gs2_affine"))->info().default_zero_positions, 1);
  const std::string gemma_scope = CopyOf("gs2_affine");
  ReplaceInConfig(gemma_scope, "tiny-gemma3", "google/gemma-3-4b-it");
  EXPECT_EQ((*Load(gemma_scope))->info().default_zero_positions, 4);
  ReplaceInConfig(gemma_scope, "google/gemma-3-4b-it", "google/gemma-3-4b-italian");
  EXPECT_EQ((*Load(gemma_scope))->info().default_zero_positions, 1);
  const std::string plt = CopyOf("plt_topk");
  ReplaceInConfig(plt, "tiny-gemma3", "google/gemma-3-4b-it");
  EXPECT_EQ((*Load(plt))->info().default_zero_positions, 1);
}

TEST_F(LoadTranscoderSetTest, TransposesANativeSkip) {
  const std::string dir = CopyOf("plt_topk");
  const at::Tensor skip = at::arange(64 * 64, at::kFloat).view({64, 64});
  EditTensors(dir + "/layer_0.safetensors", [&](auto* tensors) { (*tensors)["W_skip"] = skip; });
  const auto set = Load(dir);
  ASSERT_THAT(set, IsOk());
  EXPECT_TRUE(at::equal(*(*set)->Skip(0), skip.t()));
}

TEST_F(LoadTranscoderSetTest, TakesAThresholdForJumpReluAndNothingForRelu) {
  const std::string dir = CopyOf("plt_topk");
  ReplaceInConfig(dir, "top_k: 16\nactivation: topk\nk: 16\n", "");
  auto set = Load(dir);
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(ActivationName((*set)->info()), "relu");
  for (int layer = 0; layer < 6; ++layer) {
    EditTensors(dir + "/layer_" + std::to_string(layer) + ".safetensors", [](auto* tensors) {
      (*tensors)["activation_function.threshold"] = at::full({256}, 0.5);
    });
  }
  set = Load(dir);
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(ActivationName((*set)->info()), "jump_relu");
}

TEST_F(LoadTranscoderSetTest, KeepsCircuitTracersTopKApartFromThePapers) {
  const std::string dir = CopyOf("plt_topk");
  ReplaceInConfig(dir, "top_k: 16\n", "");
  auto set = Load(dir);
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(ActivationName((*set)->info()), "topk(16)");
  // Newer files say k in a scalar tensor.
  ReplaceInConfig(dir, "k: 16\n", "");
  for (int layer = 0; layer < 6; ++layer) {
    EditTensors(dir + "/layer_" + std::to_string(layer) + ".safetensors",
                [](auto* tensors) { (*tensors)["k"] = at::scalar_tensor(7, at::kLong); });
  }
  set = Load(dir);
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(ActivationName((*set)->info()), "topk(7)");
}

TEST_F(LoadTranscoderSetTest, RefusesASetOfAnotherModel) {
  // Too few layers.
  std::string dir = CopyOf("plt_topk");
  ReplaceInConfig(dir, "- layer_5.safetensors\n", "");
  ReplaceInConfig(dir, "num_model_layers: 6\n", "");
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "the set has 5 layers, but the model has 6"));
  // Another width.
  std::filesystem::remove_all(dir);
  dir = CopyOf("plt_topk");
  EditTensors(dir + "/layer_0.safetensors", [](auto* tensors) {
    (*tensors)["W_enc"] = at::ones({256, 32});
    (*tensors)["W_dec"] = at::zeros({256, 32});
    (*tensors)["b_dec"] = at::zeros({32});
  });
  EXPECT_THAT(Load(dir),
              FailsWith(kInvalid, "layer_1.safetensors: its width is 64, but layer 0's is 32"));
  for (int layer = 1; layer < 6; ++layer) {
    std::filesystem::copy(dir + "/layer_0.safetensors",
                          dir + "/layer_" + std::to_string(layer) + ".safetensors",
                          std::filesystem::copy_options::overwrite_existing);
  }
  EXPECT_THAT(Load(dir),
              FailsWith(kInvalid, "layer_0.safetensors: the set's width is 32, but the model's"));
  EXPECT_THAT(Load("golden/transcoders/plt_topk"), IsOk());
}

TEST_F(LoadTranscoderSetTest, TakesLayersOfDifferentWidths) {
  const std::string dir = CopyOf("plt_topk");
  EditTensors(dir + "/layer_3.safetensors", [](auto* tensors) {
    for (const char* name : {"W_enc", "b_enc", "W_dec"}) {
      (*tensors)[name] = (*tensors)[name].slice(0, 0, 100);
    }
  });
  const auto set = Load(dir);
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ((*set)->info().features_per_layer,
            (std::vector<int64_t>{256, 256, 256, 100, 256, 256}));
}

TEST_F(LoadTranscoderSetTest, RefusesMissingAndUnknownTensors) {
  const std::string dir = CopyOf("plt_topk");
  EditTensors(dir + "/layer_2.safetensors", [](auto* tensors) { tensors->erase("b_dec"); });
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "layer_2.safetensors: tensor b_dec is missing"));
  EditTensors(dir + "/layer_2.safetensors", [](auto* tensors) {
    (*tensors)["b_dec"] = at::zeros({64});
    (*tensors)["log_thresholds"] = at::zeros({256});
  });
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "log_thresholds"));
}

TEST_F(LoadTranscoderSetTest, RefusesTensorsWhoseTypeIsNoWeights) {
  const std::string dir = CopyOf("plt_topk");
  EditTensors(dir + "/layer_2.safetensors",
              [](auto* tensors) { (*tensors)["b_dec"] = at::zeros({64}, at::kLong); });
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "layer_2.safetensors: tensor b_dec has the type I64"));
  EditTensors(dir + "/layer_0.safetensors", [](auto* tensors) {
    (*tensors)["k"] = at::scalar_tensor(16, at::kLong).to(at::kUInt64);
  });
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "layer_0.safetensors: tensor k must be one integer"));
}

TEST_F(LoadTranscoderSetTest, RefusesAScalarKBelowOne) {
  const std::string dir = CopyOf("plt_topk");
  EditTensors(dir + "/layer_0.safetensors",
              [](auto* tensors) { (*tensors)["k"] = at::scalar_tensor(-3, at::kLong); });
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "tensor k must be at least 1, not -3"));
}

TEST_F(LoadTranscoderSetTest, RefusesNaNAndAllZeroEncoders) {
  std::string dir = CopyOf("plt_topk");
  EditTensors(dir + "/layer_1.safetensors", [](auto* tensors) {
    (*tensors)["W_dec"][3][5] = std::numeric_limits<float>::quiet_NaN();
  });
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "layer_1.safetensors: tensor W_dec holds NaN"));
  dir = CopyOf("gs2_affine");
  EditTensors(dir + "/layer_4_width_256_l0_small_affine/params.safetensors",
              [](auto* tensors) { (*tensors)["w_enc"].zero_(); });
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "w_enc holds only zeros"));
}

TEST_F(LoadTranscoderSetTest, RefusesLayersThatDisagree) {
  const std::string dir = CopyOf("plt_topk");
  EditTensors(dir + "/layer_1.safetensors",
              [](auto* tensors) { (*tensors)["k"] = at::scalar_tensor(7, at::kLong); });
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "tensor k is 7, but the set's k is 16"));
  std::filesystem::copy(
      "golden/transcoders/gs2_affine/layer_1_width_256_l0_small_affine/params.safetensors",
      dir + "/layer_1.safetensors", std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "its format differs from layer 0's"));
}

TEST_F(LoadTranscoderSetTest, RefusesHooksKindsAndActivationsItDoesNotKnow) {
  struct BadConfig {
    std::string from, to, message;
  };
  const BadConfig cases[] = {
      {"mlp.hook_in", "hook_resid_mid", "key 'feature_input_hook' is 'hook_resid_mid'"},
      {"mlp.hook_out", "attn.hook_out", "key 'feature_output_hook' is 'attn.hook_out'"},
      {"transcoder_set", "crosscoder", "key 'model_kind' is 'crosscoder'"},
      {"transcoder_set", "cross_layer_transcoder", "its files hold per-layer transcoders"},
      {"top_k: 16\nactivation: topk", "activation: gelu", "key 'activation' is 'gelu'"},
      {"top_k: 16", "top_k: 0", "key 'top_k' must be at least 1"},
      {"feature_output_hook: mlp.hook_out\n", "", "key 'feature_output_hook' is missing"},
      {"- layer_0.safetensors", "- ../layer_0.safetensors", "leads out of the set's folder"},
      {"num_model_layers: 6", "num_model_layers: 34", "there are 6 layer files"},
      {"top_k: 16", "top_k: [16", "config.yaml"},
  };
  int i = 0;
  for (const BadConfig& bad : cases) {
    const std::string dir = temp_.path() + "/" + std::to_string(i++);
    std::filesystem::copy("golden/transcoders/plt_topk", dir);
    ReplaceInConfig(dir, bad.from, bad.to);
    EXPECT_THAT(Load(dir), FailsWith(kInvalid, bad.message));
  }
}

TEST_F(LoadTranscoderSetTest, SaysWhichFilesAFolderShouldHold) {
  EXPECT_THAT(Load(temp_.path() + "/nothing"),
              FailsWith(absl::StatusCode::kNotFound, "is not a folder"));
  EXPECT_THAT(Load(temp_.path()),
              FailsWith(absl::StatusCode::kNotFound, "holds neither config.yaml"));
  const std::string dir = CopyOf("plt_topk");
  std::filesystem::remove(dir + "/layer_3.safetensors");
  EXPECT_THAT(Load(dir), FailsWith(absl::StatusCode::kNotFound, "layer_3.safetensors"));
}

// By hand, k = 2.
TEST(Activation, DiffersWhereValuesAreNegativeOrAtTheThreshold) {
  const at::Tensor pre = at::tensor({-3.0F, 1.0F, -1.0F, 0.5F, 0.5F}).view({1, 5});
  const at::Tensor negative = at::tensor({-3.0F, 1.0F, -1.0F, -2.0F, -4.0F}).view({1, 5});
  const auto row = [](const std::vector<float>& values) {
    return at::tensor(values).view({1, -1});
  };
  EXPECT_TRUE(at::equal(Activate(ActivationKind::kRelu, 0, {}, pre), row({0, 1, 0, .5, .5})));
  EXPECT_TRUE(
      at::equal(Activate(ActivationKind::kReluTopK, 2, {}, negative), row({0, 1, 0, 0, 0})));
  EXPECT_TRUE(at::equal(Activate(ActivationKind::kTopK, 2, {}, negative), row({0, 1, -1, 0, 0})));
  const at::Tensor threshold = at::tensor({0.0F, 0.9F, 0.0F, 0.5F, 0.4F});
  EXPECT_TRUE(
      at::equal(Activate(ActivationKind::kJumpRelu, 0, threshold, pre), row({0, 1, 0, 0, .5})));
  EXPECT_FALSE(
      at::signbit(Activate(ActivationKind::kJumpRelu, 0, threshold, pre)).any().item<bool>());
}

// By hand: two groups of three, then the four largest of two positions together.
TEST(Activation, ChoosesTheLargestOfGroupsAndOfBatches) {
  const at::Tensor pre =
      at::tensor({0.1F, 3.0F, 2.0F, -1.0F, -2.0F, -3.0F, 4.0F, 5.0F, 6.0F, 0.2F, 0.3F, 0.1F})
          .view({2, 6});
  const at::Tensor groups =
      at::tensor({0.0F, 3.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 6.0F, 0.0F, 0.3F, 0.0F})
          .view({2, 6});
  EXPECT_TRUE(at::equal(Activate(ActivationKind::kGroupMax, 2, {}, pre), groups));
  const at::Tensor batch =
      at::tensor({0.0F, 3.0F, 0.0F, 0.0F, 0.0F, 0.0F, 4.0F, 5.0F, 6.0F, 0.0F, 0.0F, 0.0F})
          .view({2, 6});
  EXPECT_TRUE(at::equal(Activate(ActivationKind::kBatchTopK, 2, {}, pre), batch));
}

}  // namespace
}  // namespace cajal::transcoder
