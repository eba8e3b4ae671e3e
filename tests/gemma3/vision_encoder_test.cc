#include "model/gemma3/vision_encoder.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/random_vision.h"
#include "tests/support/status_matchers.h"

namespace cajal::gemma3 {
namespace {

using testing::IsOk;

constexpr int64_t kRoomForAll = int64_t{1} << 30;
constexpr int kLayers = 6;

class VisionEncoderTest : public ::testing::Test {
 protected:
  VisionEncoderTest() { testing::AddRandomVision({.n_layers = kLayers}, 2, &model_); }

  // Pictures of 8 x 8 pixels.
  at::Tensor Pictures(int64_t n) { return random_.Matrix(n, 3 * 8 * 8, 3).view({n, 3, 8, 8}); }
  std::vector<VisionStates> Encode(VisionEncoder* encoder, const at::Tensor& pixels,
                                   int n_blocks = 2) {
    RunContext context;
    auto states = encoder->Encode(pixels, n_blocks, &context);
    EXPECT_THAT(states, IsOk());
    return *std::move(states);
  }

  const c10::InferenceMode no_autograd_;
  Model model_ = testing::MakeRandomModel({.n_layers = 1}, 1);
  testing::RandomTensors random_{3};
};

TEST_F(VisionEncoderTest, RunsTheTowerOnceForAPictureAndGivesTheSameBits) {
  VisionEncoder encoder(model_, kRoomForAll);
  const at::Tensor pictures = Pictures(3);
  const std::vector<VisionStates> first = Encode(&encoder, pictures);
  EXPECT_EQ(encoder.n_misses(), 3);
  // Another prompt: two pictures that are known, in another order, and a new one between them.
  const at::Tensor mixed = at::stack({pictures[2], Pictures(1)[0], pictures[0]});
  const std::vector<VisionStates> second = Encode(&encoder, mixed);
  EXPECT_EQ(encoder.n_misses(), 4);
  EXPECT_EQ(encoder.n_hits(), 2);
  EXPECT_TRUE(at::equal(second[0].out, first[2].out));
  EXPECT_TRUE(at::equal(second[2].out, first[0].out));
  // A picture by itself, and without a memory.
  VisionEncoder forgetful(model_, 0);
  EXPECT_TRUE(at::equal(Encode(&forgetful, pictures)[1].out, first[1].out));
  EXPECT_EQ(forgetful.kept_bytes(), 0);
}

TEST_F(VisionEncoderTest, TellsPicturesApartThatDifferInOneNumber) {
  VisionEncoder encoder(model_, kRoomForAll);
  const at::Tensor picture = Pictures(1);
  Encode(&encoder, picture);
  const at::Tensor other = picture.clone();
  other.view({-1})[77].add_(0.01);
  Encode(&encoder, other);
  EXPECT_EQ(encoder.n_misses(), 2);
}

TEST_F(VisionEncoderTest, KeepsTheLastBlocksOfEveryPictureAndRunsAgainForMore) {
  VisionEncoder encoder(model_, kRoomForAll);
  const at::Tensor picture = Pictures(1);
  EXPECT_EQ(Encode(&encoder, picture, 0)[0].block_inputs.size(), 4u);
  Encode(&encoder, picture, 4);
  EXPECT_EQ(encoder.n_misses(), 1);
  const std::vector<VisionStates> all = Encode(&encoder, picture, kLayers);
  EXPECT_EQ(encoder.n_misses(), 2);
  EXPECT_EQ(all[0].block_inputs.size(), 6u);
  // The longer memory took the shorter one's place.
  const int64_t bytes = encoder.kept_bytes();
  Encode(&encoder, picture, 4);
  EXPECT_EQ(encoder.n_misses(), 2);
  EXPECT_EQ(encoder.kept_bytes(), bytes);
}

TEST_F(VisionEncoderTest, ForgetsThePictureUsedLongestAgoWhenItsRoomIsFull) {
  VisionEncoder measuring(model_, kRoomForAll);
  Encode(&measuring, Pictures(1));
  VisionEncoder encoder(model_, 2 * measuring.kept_bytes());
  const at::Tensor pictures = Pictures(3);
  Encode(&encoder, pictures.slice(0, 0, 2));
  Encode(&encoder, pictures.slice(0, 0, 1));  // the first is now the newer one
  Encode(&encoder, pictures.slice(0, 2, 3));
  EXPECT_LE(encoder.kept_bytes(), 2 * measuring.kept_bytes());
  const int64_t misses = encoder.n_misses();
  Encode(&encoder, pictures.slice(0, 0, 1));
  EXPECT_EQ(encoder.n_misses(), misses);
  Encode(&encoder, pictures.slice(0, 1, 2));
  EXPECT_EQ(encoder.n_misses(), misses + 1);
}

TEST_F(VisionEncoderTest, GivesTheModelWhatItsOwnRunWouldMake) {
  VisionEncoder encoder(model_, kRoomForAll);
  ModelInput input{.token_ids = {1, 2, 3, 4, 5, 6}, .image_runs = {{1, 5}}};
  input.pixels = Pictures(1);
  RunContext context;
  Recording recording({{HookSite::kProjectorOut, 0}});
  const auto without = EmbedPrompt(model_, input, &recording, &context);
  ASSERT_THAT(without, IsOk());
  input.image_tokens = ImageTokens(model_, Encode(&encoder, input.pixels));
  const auto with = EmbedPrompt(model_, input, &recording, &context);
  ASSERT_THAT(with, IsOk());
  EXPECT_TRUE(at::equal(*with, *without));
  EXPECT_TRUE(at::equal(recording.Get(HookSite::kProjectorOut), input.image_tokens));
}

}  // namespace
}  // namespace cajal::gemma3
