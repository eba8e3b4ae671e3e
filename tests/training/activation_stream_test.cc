#include "model/training/activation_stream.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/corpus/folder_sequences.h"
#include "model/training/harvest.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/status_matchers.h"
#include "tests/training/tiny_stream.h"

namespace cajal::training {
namespace {

using cajal::testing::FailsWith;
using cajal::testing::GoldenTensors;
using cajal::testing::IsOk;
using cajal::testing::RelativeToLargest;
using cajal::testing::TinyStream;
using gemma3::HookSite;

constexpr char kGoldenForward[] = "golden/forward/forward_one_image.safetensors";
constexpr double kTolerance = 1e-5;

TEST(Harvest, IsWhatTransformersHasAtTheMlpsWithoutTheFirstPosition) {
  const TinyStream tiny;
  const auto folder = corpus::DataFolder::Open(tiny.data_dir());
  ASSERT_THAT(folder, IsOk());
  corpus::FolderSequences sequences(&*folder, &tiny.files(), {.context = 64});
  const auto sequence = sequences.Next();  // the golden prompt "one_image"
  ASSERT_THAT(sequence, IsOk());
  RunContext context;
  const auto tokens =
      Harvest(tiny.model(), **sequence, {.first_layer = 2, .last_layer = 5}, &context);
  ASSERT_THAT(tokens, IsOk());
  ASSERT_EQ(tokens->inputs.size(), 4U);
  const GoldenTensors golden(kGoldenForward);
  for (int64_t i = 0; i < 4; ++i) {
    const auto index = static_cast<size_t>(i);
    EXPECT_LT(RelativeToLargest(tokens->inputs[index], golden["mlp_in"][2 + i].slice(0, 1)),
              kTolerance);
    EXPECT_LT(RelativeToLargest(tokens->outputs[index], golden["mlp_out"][2 + i].slice(0, 1)),
              kTolerance);
  }
  // <bos>, "\n\n", <start_of_image>, four soft tokens, …
  EXPECT_TRUE(
      at::equal(tokens->modality, at::tensor({0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0}, at::kLong)));
}

TEST(Harvest, TakesTheOutputAfterThePostFeedForwardNormWhenItIsAskedFor) {
  const TinyStream tiny;
  const auto folder = corpus::DataFolder::Open(tiny.data_dir());
  corpus::FolderSequences sequences(&*folder, &tiny.files(), {.context = 64});
  const auto sequence = sequences.Next();
  ASSERT_THAT(sequence, IsOk());
  RunContext context;
  const auto tokens = Harvest(tiny.model(), **sequence,
                              {.output_site = HookSite::kMlpOut, .skip_positions = 3}, &context);
  ASSERT_THAT(tokens, IsOk());
  const at::Tensor expected = GoldenTensors(kGoldenForward)["mlp_out_normed"][0].slice(0, 3);
  EXPECT_LT(RelativeToLargest(tokens->outputs[0], expected), kTolerance);
}

class ActivationStreamTest : public ::testing::Test {
 protected:
  const TinyStream tiny_;
  const HarvestSettings settings_{.last_layer = 1};
  RunContext context_;
};

TEST_F(ActivationStreamTest, GivesTheSameTokensHoweverItIsCut) {
  corpus::SequenceMixture mixture = tiny_.Mixture(1);
  ActivationStream stream(&tiny_.model(), &mixture, settings_);
  corpus::SequenceMixture other_mixture = tiny_.Mixture(1);
  ActivationStream other(&tiny_.model(), &other_mixture, settings_);
  std::vector<at::Tensor> whole;
  std::vector<at::Tensor> cut;
  int64_t n = 0;
  while (n < 60) {
    const auto tokens = stream.Next(60 - n, &context_);
    ASSERT_THAT(tokens, IsOk());
    whole.push_back(tokens->inputs[1]);
    n += tokens->n_tokens();
  }
  for (int64_t left = 60; left > 0;) {
    const auto tokens = other.Next(std::min<int64_t>(left, 5), &context_);
    ASSERT_THAT(tokens, IsOk());
    EXPECT_LE(tokens->n_tokens(), 5);
    cut.push_back(tokens->inputs[1]);
    left -= tokens->n_tokens();
  }
  EXPECT_TRUE(at::equal(at::cat(whole), at::cat(cut)));
  EXPECT_EQ(stream.position(), other.position());
}

TEST_F(ActivationStreamTest, GoesOnFromASavedPositionInTheMiddleOfASequence) {
  corpus::SequenceMixture mixture = tiny_.Mixture(1);
  ActivationStream stream(&tiny_.model(), &mixture, settings_);
  for (int i = 0; i < 5; ++i) ASSERT_THAT(stream.Next(3, &context_), IsOk());
  const StreamPosition saved = stream.position();
  EXPECT_GT(saved.tokens_of_sequence, 0);
  corpus::SequenceMixture other_mixture = tiny_.Mixture(1);
  ActivationStream resumed(&tiny_.model(), &other_mixture, settings_);
  resumed.Seek(saved);
  for (int i = 0; i < 8; ++i) {
    const auto expected = stream.Next(4, &context_);
    const auto tokens = resumed.Next(4, &context_);
    ASSERT_THAT(expected, IsOk());
    ASSERT_THAT(tokens, IsOk());
    EXPECT_TRUE(at::equal(tokens->outputs[0], expected->outputs[0]));
    EXPECT_TRUE(at::equal(tokens->modality, expected->modality));
    EXPECT_EQ(resumed.position(), stream.position());
  }
}

TEST_F(ActivationStreamTest, StopsWhenItIsTold) {
  corpus::SequenceMixture mixture = tiny_.Mixture(1);
  ActivationStream stream(&tiny_.model(), &mixture, settings_);
  const auto stop = std::make_shared<StopFlag>();
  RunContext context(stop, RunContext::Clock::time_point::max(), nullptr);
  stop->RequestStop(absl::StatusCode::kCancelled);
  EXPECT_THAT(stream.Next(10, &context), FailsWith(absl::StatusCode::kCancelled, ""));
}

}  // namespace
}  // namespace cajal::training
