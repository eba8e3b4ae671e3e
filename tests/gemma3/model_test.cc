// What the golden checkpoints do not have: rounded embedding scales, soft caps, an untied head.
#include "model/gemma3/model.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/gemma3/decoder.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"

namespace cajal::gemma3 {
namespace {

using testing::IsOk;

TEST(Model, RoundsTheEmbeddingScaleToTheWeightsTypeBeforeMultiplying) {
  // sqrt(2560) = 50.596, which is 50.5 in bfloat16 (Transformers keeps it so). 5 * 50.5 = 252.5
  // lies between two bfloat16 numbers and rounds to the even one; 5 * 50.596 would give 253.
  Model model = testing::MakeRandomModel({.n_layers = 0, .d_model = 2560}, 1);
  model.weights.placement.dtype = at::kBFloat16;
  model.weights.decoder.embedding = at::full({40, 2560}, 5, at::kBFloat16);
  Recording recording;
  RunContext context;
  const auto residual = EmbedPrompt(model, {.token_ids = {3}}, &recording, &context);
  ASSERT_THAT(residual, IsOk());
  EXPECT_EQ(residual->scalar_type(), at::kBFloat16);
  EXPECT_TRUE(residual->eq(252).all().item<bool>());
}

TEST(Model, CapsLogitsWhereTheConfigSaysSo) {
  Model model = testing::MakeRandomModel({.n_layers = 0, .d_model = 1, .vocab = 3}, 1);
  model.weights.decoder.unembedding = at::tensor({-100.0F, 0.0F, 15.0F}).view({3, 1});
  const at::Tensor normed = at::ones({1, 1});
  EXPECT_TRUE(at::equal(Logits(model.weights.decoder, model.config.text, normed)[0],
                        at::tensor({-100.0F, 0.0F, 15.0F})));
  model.config.text.final_logit_softcapping = 30;
  // 30 tanh(x / 30): tanh(10 / 3) = 0.997459, tanh(1 / 2) = 0.462117.
  EXPECT_TRUE(at::allclose(Logits(model.weights.decoder, model.config.text, normed)[0],
                           at::tensor({-29.92378F, 0.0F, 13.86351F})));
}

TEST(Model, ReadsAnUntiedHead) {
  const TempDir temp;
  const std::string dir = temp.path() + "/untied";
  std::filesystem::copy("golden/quirk", dir, std::filesystem::copy_options::recursive);
  nlohmann::json config = nlohmann::json::parse(std::ifstream(dir + "/config.json"));
  config["tie_word_embeddings"] = false;
  std::ofstream(dir + "/config.json") << config;
  const testing::GoldenTensors original("golden/quirk/model.safetensors");
  const at::Tensor head = original["model.embed_tokens.weight"].to(at::kFloat) * -2;
  {
    const auto file = checkpoint::SafetensorsFile::Open("golden/quirk/model.safetensors");
    ASSERT_THAT(file, IsOk());
    std::vector<checkpoint::TensorToWrite> tensors = {
        {"lm_head.weight", checkpoint::ElementType::kF32, head.sizes().vec(), head.data_ptr()}};
    for (const auto& [name, view] : (*file)->tensors()) {
      tensors.push_back({name, view.type, view.shape, view.data});
    }
    ASSERT_THAT(checkpoint::WriteSafetensors(dir + "/model.safetensors", tensors, {}), IsOk());
  }
  const Model model = testing::LoadTestModel(dir);
  EXPECT_TRUE(at::equal(model.weights.decoder.unembedding, head));
  EXPECT_TRUE(at::equal(model.weights.decoder.embedding, original["model.embed_tokens.weight"]));
}

}  // namespace
}  // namespace cajal::gemma3
