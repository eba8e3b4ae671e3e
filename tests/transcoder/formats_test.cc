// The formats beside the two per-layer ones of load_transcoder_set_test.cc: what is recognised, and
// what is refused by its name. What the tensors mean is judged by graphs (format_graphs_test.cc).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "model/transcoder/load_transcoder_set.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/status_matchers.h"
#include "tests/support/transcoder_files.h"
#include "tests/temp_dir.h"

namespace cajal::transcoder {
namespace {

namespace fs = std::filesystem;
using gemma3::HookSite;
using testing::EditTensors;
using testing::FailsWith;
using testing::IsOk;
using testing::ReplaceInFile;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr int kLayers = 6;

class FormatsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    model_ = new gemma3::Model(testing::LoadTestModel("golden/tiny"));
  }
  static void TearDownTestSuite() { delete model_; }

  std::string CopyOf(const std::string& name) {
    const std::string dir = temp_.path() + "/" + name;
    fs::remove_all(dir);
    fs::copy("golden/formats/" + name, dir, fs::copy_options::recursive);
    return dir;
  }

  static absl::StatusOr<std::unique_ptr<TranscoderSet>> Load(const std::string& dir) {
    RunContext context;
    return LoadTranscoderSet(dir, *model_, &context);
  }

  static gemma3::Model* model_;
  TempDir temp_;
};
gemma3::Model* FormatsTest::model_ = nullptr;

TEST_F(FormatsTest, AreRecognisedByTheirFiles) {
  struct Expected {
    std::string folder, format, activation;
    HookSite output_site;
    int written_by_layer_0;
    bool has_skip;
  };
  const Expected sets[] = {
      {"native_relu", "per-layer (circuit-tracer layout)", "relu", HookSite::kMlpOut, 0, false},
      {"native_jump_skip", "per-layer (circuit-tracer layout)", "jump_relu", HookSite::kMlpOutRaw,
       0, true},
      {"native_topk", "per-layer (circuit-tracer layout)", "topk(4)", HookSite::kMlpOutRaw, 0,
       false},
      {"sparsify_topk", "sparsify per-layer", "relu_topk(4)", HookSite::kMlpOutRaw, 0, false},
      {"sparsify_groupmax", "sparsify per-layer", "groupmax(4)", HookSite::kMlpOutRaw, 0, true},
      {"clt_training", "clt-training cross-layer", "batchtopk(4)", HookSite::kMlpOutRaw, 2, false},
      {"clt_native", "cross-layer (circuit-tracer layout)", "jump_relu", HookSite::kMlpOutRaw, 5,
       false},
      {"clt_gs2", "Gemma Scope 2 cross-layer, absolute targets", "jump_relu", HookSite::kMlpOut, 5,
       true},
  };
  for (const Expected& expected : sets) {
    SCOPED_TRACE(expected.folder);
    const auto set = Load("golden/formats/" + expected.folder);
    ASSERT_THAT(set, IsOk());
    const TranscoderSetInfo& info = (*set)->info();
    EXPECT_EQ(info.format, expected.format);
    EXPECT_EQ(ActivationName(info), expected.activation);
    EXPECT_EQ(info.output_site, expected.output_site);
    EXPECT_EQ(info.LastWrittenLayer(0), expected.written_by_layer_0);
    EXPECT_EQ(info.LastWrittenLayer(kLayers - 1), kLayers - 1);
    EXPECT_EQ(info.has_skip, expected.has_skip);
  }
  EXPECT_EQ((*Load("golden/formats/clt_native"))->info().features_per_layer,
            (std::vector<int64_t>{64, 60, 56, 52, 48, 44}));
}

TEST_F(FormatsTest, DecideByItsSizeWhereGemmaScopesTargetAxisBegins) {
  const auto absolute = Load("golden/formats/clt_gs2");
  ASSERT_THAT(absolute, IsOk());
  const std::string dir = CopyOf("clt_gs2");
  const auto file = [&](int layer) {
    return dir + "/params_layer_" + std::to_string(layer) + ".safetensors";
  };
  for (int layer = 0; layer < kLayers; ++layer) {
    EditTensors(file(layer), [layer](auto* tensors) {
      (*tensors)["w_dec"] = (*tensors)["w_dec"].slice(1, layer);
    });
  }
  const auto relative = Load(dir);
  ASSERT_THAT(relative, IsOk());
  EXPECT_EQ((*relative)->info().format, "Gemma Scope 2 cross-layer, relative targets");
  const at::Tensor features = at::arange(40);
  for (int layer = 0; layer < kLayers; ++layer) {
    for (int written = layer; written < kLayers; ++written) {
      EXPECT_TRUE(at::equal((*absolute)->DecoderRows(layer, written, features),
                            (*relative)->DecoderRows(layer, written, features)));
    }
  }
  EditTensors(file(2),
              [](auto* tensors) { (*tensors)["w_dec"] = (*tensors)["w_dec"].slice(1, 0, 3); });
  EXPECT_THAT(Load(dir), FailsWith(kInvalid,
                                   "params_layer_2.safetensors: tensor w_dec has 3 target layers; "
                                   "expected all 6, or the 4 from this one up"));
}

TEST_F(FormatsTest, ReadGemmaScopesCrossLayerFilesAsPublishedWithoutAConfig) {
  const std::string dir = CopyOf("clt_gs2");
  fs::remove(dir + "/config.yaml");
  const auto set = Load(dir);
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ((*set)->info().output_site, HookSite::kMlpOut);
}

TEST_F(FormatsTest, RefuseEncodersOfZeros) {
  std::string dir = CopyOf("clt_gs2");
  EditTensors(dir + "/params_layer_0.safetensors",
              [](auto* tensors) { (*tensors)["w_enc"].zero_(); });
  EXPECT_THAT(Load(dir),
              FailsWith(kInvalid, "params_layer_0.safetensors: tensor w_enc holds only"));
  dir = CopyOf("sparsify_topk");
  EditTensors(dir + "/layers.1.mlp/sae.safetensors",
              [](auto* tensors) { (*tensors)["encoder.weight"].zero_(); });
  EXPECT_THAT(Load(dir),
              FailsWith(kInvalid, "layers.1.mlp/sae.safetensors: tensor encoder.weight"));
}

TEST_F(FormatsTest, NameTheFileAndTensorOfACrossLayerSetThatIsNotWhole) {
  const std::string dir = CopyOf("clt_native");
  EditTensors(dir + "/W_dec_1.safetensors",
              [](auto* tensors) { (*tensors)["W_dec_1"] = (*tensors)["W_dec_1"].slice(1, 0, 3); });
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "W_dec_1.safetensors: tensor W_dec_1 writes to 3"));
  fs::remove(dir + "/W_dec_1.safetensors");
  EXPECT_THAT(Load(dir), FailsWith(absl::StatusCode::kNotFound, "W_dec_1.safetensors"));
  fs::remove(dir + "/W_enc_0.safetensors");
  EXPECT_THAT(Load(dir), FailsWith(absl::StatusCode::kNotFound, "holds no W_enc_0.safetensors"));
}

TEST_F(FormatsTest, RefuseKeysAndValuesOfSparsifyThatMeanSomethingElse) {
  struct BadConfig {
    std::string set, from, to, message;
  };
  const BadConfig cases[] = {
      {"sparsify_topk", "\"transcode\": true", "\"transcode\": false", "transcode must be true"},
      {"sparsify_topk", "\"activation\": \"topk\"", "\"activation\": \"jumprelu\"",
       "key 'activation' is 'jumprelu'"},
      {"sparsify_topk", "\"k\": 4", "\"k\": 4, \"unheard_of\": 1", "key 'unheard_of' is not known"},
      {"sparsify_topk", "\"d_in\": 64", "\"d_in\": 32", "tensor encoder.weight has shape"},
      {"sparsify_groupmax", "\"k\": 4", "\"k\": 5", "key 'k' does not divide"},
      {"sparsify_groupmax", "\"skip_connection\": true", "\"skip_connection\": false",
       "tensor W_skip belongs to no format"},
      {"clt_training", "\"coalesce_topk\": \"none\"", "\"coalesce_topk\": \"concat\"",
       "coalesce_topk"},
      {"clt_training", "\"n_targets\": 3", "\"n_targets\": 4", "tensor W_decs.3 is missing"},
  };
  for (const BadConfig& bad : cases) {
    SCOPED_TRACE(bad.to);
    const std::string dir = CopyOf(bad.set);
    ReplaceInFile(dir + "/layers.2.mlp/cfg.json", bad.from, bad.to);
    EXPECT_THAT(Load(dir), FailsWith(kInvalid, bad.message));
    EXPECT_THAT(Load(dir), FailsWith(kInvalid, "layers.2.mlp"));
  }
}

TEST_F(FormatsTest, RefuseHookPointsOfSparsifyThatAreNoMlp) {
  const std::string dir = CopyOf("sparsify_topk");
  fs::rename(dir + "/layers.3.mlp", dir + "/layers.3");
  EXPECT_THAT(Load(dir), FailsWith(kInvalid, "layers.3: only hook points 'layers.{i}.mlp'"));
}

TEST_F(FormatsTest, ChooseTheResidencyThatFits) {
  const std::string dir = "golden/formats/clt_native";
  // In float32 the files are used where they are mapped; in bfloat16 they are converted, to 2 bytes
  // a value: 64 x 324 features' encoder rows, and theirs for the layers that they write to.
  const gemma3::Model model = testing::LoadTestModel("golden/tiny", at::kBFloat16);
  constexpr int64_t kEncoders = 2 * 64 * (64 + 60 + 56 + 52 + 48 + 44);
  constexpr int64_t kDecoders = 2 * 64 * (64 * 6 + 60 * 5 + 56 * 4 + 52 * 3 + 48 * 2 + 44);
  const auto chosen = [&](const gemma3::Model& for_model, int64_t device_bytes) {
    RunContext context;
    return (*LoadTranscoderSet(dir, for_model, &context, Residency::kAuto, device_bytes))
        ->residency();
  };
  EXPECT_EQ(chosen(model, kEncoders + kDecoders), Residency::kDevice);
  EXPECT_EQ(chosen(model, kEncoders + kDecoders - 1), Residency::kEncoders);
  EXPECT_EQ(chosen(model, kEncoders - 1), Residency::kStream);
  EXPECT_EQ(chosen(*model_, 0), Residency::kDevice);
}

}  // namespace
}  // namespace cajal::transcoder
