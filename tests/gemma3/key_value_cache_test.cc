// However a prompt is cut into passes, the answer is that of one pass: Transformers' for the golden
// model, the uncached pass' for the embedded one.
#include "model/gemma3/key_value_cache.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/gemma3/decoder.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/random_model.h"

namespace cajal::gemma3 {
namespace {

using testing::GoldenTensors;
using testing::IsOk;
using testing::RelativeToLargest;

constexpr double kToTransformers = 2e-5;
constexpr double kToOnePass = 1e-5;

// The final norm's output for [B, T, d], in passes of `length` positions.
at::Tensor RunInPasses(const Model& model, const AttentionLayout& layout,
                       const at::Tensor& residual, int64_t length, KeyValueCache* cache) {
  RunContext context;
  std::vector<at::Tensor> normed;
  while (cache->n_positions() < residual.size(1)) {
    const int64_t begin = cache->n_positions();
    const int64_t end = std::min(layout.PassEnd(begin, length), residual.size(1));
    const auto pass = RunDecoder(model.weights.decoder, model.config.text, layout,
                                 residual.slice(1, begin, end), {.cache = cache}, &context);
    EXPECT_THAT(pass, IsOk());
    EXPECT_EQ(cache->n_positions(), end);
    normed.push_back(*pass);
  }
  return at::cat(normed, 1);
}

at::Tensor Embed(const Model& model, const ModelInput& input) {
  Recording recording;
  RunContext context;
  const auto residual = EmbedPrompt(model, input, &recording, &context);
  EXPECT_THAT(residual, IsOk());
  return residual->unsqueeze(0);
}

class GoldenCache : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenCache, GivesTransformersLogitsHoweverThePromptIsCut) {
  const GoldenTensors golden(std::string("golden/forward/forward_") + GetParam() + ".safetensors");
  const Model model = testing::LoadTestModel("golden/tiny");
  const ModelInput input = testing::InputOf(golden);
  const at::Tensor residual = Embed(model, input);
  const int64_t T = residual.size(1);
  for (const int64_t length : {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{7}, T}) {
    KeyValueCache cache(model.config.text, T);
    const at::Tensor normed = RunInPasses(model, model.LayoutOf(input), residual, length, &cache);
    EXPECT_LE(RelativeToLargest(Logits(model.weights.decoder, model.config.text, normed)[0],
                                golden["logits"]),
              kToTransformers)
        << length;
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, GoldenCache,
                         ::testing::Values("text", "text_long", "one_image", "two_images_chat"));

// Several windows of text, and images that lie across the ends of windows and passes.
TEST(KeyValueCacheOfTheEmbeddedModel, GivesTheUncachedAnswerHoweverThePromptIsCut) {
  const Model model = testing::LoadTestModel("../models/demo");
  constexpr int64_t kPositions = 200;
  const at::Tensor residual =
      Embed(model, {.token_ids = testing::RandomTensors(5).TokenIds(
                        kPositions, static_cast<int64_t>(model.config.text.vocab_size))});
  const AttentionLayout layout(kPositions, {{3, 19}, {60, 76}, {76, 92}, {150, 166}},
                               model.config.text.sliding_window);
  RunContext context;
  const auto whole =
      RunDecoder(model.weights.decoder, model.config.text, layout, residual, {}, &context);
  ASSERT_THAT(whole, IsOk());
  for (const int64_t length : {int64_t{1}, int64_t{5}, int64_t{31}, int64_t{33}, kPositions}) {
    KeyValueCache cache(model.config.text, kPositions);
    EXPECT_LE(RelativeToLargest(RunInPasses(model, layout, residual, length, &cache), *whole),
              kToOnePass)
        << length;
  }
}

TEST(KeyValueCache, KeepsOfASlidingLayerWhatItsWindowReaches) {
  const Model model = testing::MakeRandomModel({.window = 4}, 1);  // three of four layers slide
  constexpr int64_t kCapacity = 300;
  KeyValueCache cache(model.config.text, kCapacity);
  const AttentionLayout layout(kCapacity, {}, 4);
  RunInPasses(model, layout, testing::RandomTensors(2).Matrix(kCapacity, 16).unsqueeze(0), 1,
              &cache);
  // Keys and values of 2 heads of 8 numbers of 4 bytes; at most window - 1 + window slots.
  constexpr int64_t kSlot = 2LL * 2 * 8 * 4;
  EXPECT_LE(cache.bytes(), kSlot * (kCapacity + 3 * (3 + 4)));
  EXPECT_GE(cache.bytes(), kSlot * (kCapacity + 3 * 3));
}

TEST(KeyValueCache, TakesNoMoreThanItsEstimate) {
  const Model model = testing::MakeRandomModel({.window = 4}, 1);
  for (const int64_t length : {1, 3, 50}) {
    KeyValueCache cache(model.config.text, 60);
    RunInPasses(model, AttentionLayout(60, {}, 4),
                testing::RandomTensors(2).Matrix(120, 16).view({2, 60, 16}), length, &cache);
    EXPECT_LE(cache.bytes(),
              KeyValueCache::MostBytes(model.config.text, 60, length, 2, sizeof(float)));
  }
}

TEST(KeyValueCache, LetsManySequencesGoOnFromASharedBeginning) {
  const Model model = testing::MakeRandomModel({.window = 4}, 1);
  const AttentionLayout layout(14, {{2, 6}}, 4);
  testing::RandomTensors random(3);
  const at::Tensor shared = random.Matrix(8, 16, 4);
  const at::Tensor ends = random.Matrix(3 * 6, 16, 4).view({3, 6, 16});
  KeyValueCache cache(model.config.text, 14);
  RunInPasses(model, layout, shared.unsqueeze(0), 5, &cache);
  cache.Select({0, 0, 0});
  EXPECT_EQ(cache.batch_size(), 3);
  RunContext context;
  const auto together = RunDecoder(model.weights.decoder, model.config.text, layout, ends,
                                   {.cache = &cache}, &context);
  ASSERT_THAT(together, IsOk());
  for (int64_t b = 0; b < 3; ++b) {
    const auto alone = RunDecoder(model.weights.decoder, model.config.text, layout,
                                  at::cat({shared, ends[b]}), {}, &context);
    ASSERT_THAT(alone, IsOk());
    EXPECT_LE(RelativeToLargest((*together)[b], alone->slice(0, 8)), kToOnePass);
  }
}

TEST(KeyValueCache, GoesOnWithTheSequencesThatAreSelected) {
  const Model model = testing::MakeRandomModel({.window = 4}, 1);
  const AttentionLayout layout(9, {}, 4);
  const at::Tensor residual = testing::RandomTensors(3).Matrix(3 * 9, 16, 4).view({3, 9, 16});
  KeyValueCache cache(model.config.text, 9);
  RunInPasses(model, layout, residual.slice(1, 0, 7), 7, &cache);
  cache.Select({2, 0});
  RunContext context;
  const auto selected =
      RunDecoder(model.weights.decoder, model.config.text, layout,
                 at::stack({residual[2], residual[0]}).slice(1, 7), {.cache = &cache}, &context);
  const auto whole =
      RunDecoder(model.weights.decoder, model.config.text, layout, residual, {}, &context);
  ASSERT_THAT(selected, IsOk());
  ASSERT_THAT(whole, IsOk());
  EXPECT_LE(RelativeToLargest((*selected)[0], (*whole)[2].slice(0, 7)), kToOnePass);
  EXPECT_LE(RelativeToLargest((*selected)[1], (*whole)[0].slice(0, 7)), kToOnePass);
}

TEST(PassEnd, MovesToTheEndOfTheImageThatItCutsThrough) {
  const AttentionLayout layout(12, {{2, 5}, {5, 8}}, 4);
  EXPECT_EQ(layout.PassEnd(0, 2), 2);
  EXPECT_EQ(layout.PassEnd(0, 3), 5);
  EXPECT_EQ(layout.PassEnd(0, 5), 5);
  EXPECT_EQ(layout.PassEnd(5, 1), 8);
  EXPECT_EQ(layout.PassEnd(8, 2), 10);
  EXPECT_EQ(layout.PassEnd(8, 9), 12);
}

TEST(PassEndDeathTest, InsideAnImageIsRefused) {
  const Model model = testing::MakeRandomModel({}, 1);
  const AttentionLayout layout(8, {{2, 6}}, 4);
  KeyValueCache cache(model.config.text, 8);
  RunContext context;
  EXPECT_DEATH(static_cast<void>(RunDecoder(model.weights.decoder, model.config.text, layout,
                                            at::zeros({1, 4, 16}), {.cache = &cache}, &context)),
               "a pass ends inside an image");
}

}  // namespace
}  // namespace cajal::gemma3
