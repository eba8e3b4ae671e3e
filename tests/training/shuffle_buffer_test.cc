#include "model/training/shuffle_buffer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/corpus/permutation.h"
#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"
#include "tests/training/tiny_stream.h"

namespace cajal::training {
namespace {

using cajal::testing::FailsWith;
using cajal::testing::HasReason;
using cajal::testing::IsOk;
using cajal::testing::TinyStream;

TEST(BlockTokens, AreWholeBatchesWithinTheBudget) {
  EXPECT_EQ(BlockTokens(/*buffer_bytes=*/10'000, /*bytes_per_token=*/10, /*batch_tokens=*/64,
                        /*steps=*/100),
            15 * 64);
}

TEST(BlockTokens, AreAtLeastOneBatchAndAtMostWhatTheRunNeeds) {
  EXPECT_EQ(BlockTokens(10, 10, 64, 100), 64);
  EXPECT_EQ(BlockTokens(1 << 30, 10, 64, 3), 3 * 64);
}

constexpr uint64_t kSeed = 5;

class ShuffleBufferTest : public ::testing::Test {
 protected:
  ShuffleBufferTest() : mixture_(tiny_.Mixture(1)), stream_(&tiny_.model(), &mixture_, settings_) {}

  [[nodiscard]] ShuffleBuffer MakeBuffer() const {
    return {shape_, *BufferStorage::InMemory(shape_.bytes()), kSeed};
  }
  // The next n tokens of a stream: inputs of layer 1.
  at::Tensor NextInputs(ActivationStream* stream, int64_t n) {
    std::vector<at::Tensor> inputs;
    while (n > 0) {
      const auto tokens = stream->Next(n, &context_);
      EXPECT_THAT(tokens, IsOk());
      inputs.push_back(tokens->inputs[1]);
      n -= tokens->n_tokens();
    }
    return at::cat(inputs);
  }
  absl::Status Fill(ShuffleBuffer* buffer, int64_t block, ActivationStream* stream) {
    return buffer->Fill(
        block, stream, [](int64_t) {}, &context_);
  }

  const TinyStream tiny_;
  const HarvestSettings settings_{.last_layer = 1};
  // 5 batches of 8 tokens: blocks end in the middle of sequences.
  const BufferShape shape_{
      .block_tokens = 40, .batch_tokens = 8, .n_layers = 2, .d_in = 64, .d_out = 64};
  corpus::SequenceMixture mixture_;
  ActivationStream stream_;
  RunContext context_;
};

TEST_F(ShuffleBufferTest, DrawsEachBlockOfTheStreamInTheOrderOfItsPermutation) {
  corpus::SequenceMixture same_mixture = tiny_.Mixture(1);
  ActivationStream same(&tiny_.model(), &same_mixture, settings_);
  ShuffleBuffer buffer = MakeBuffer();
  for (int64_t block = 0; block < 3; ++block) {
    ASSERT_THAT(Fill(&buffer, block, &stream_), IsOk());
    const at::Tensor tokens = NextInputs(&same, shape_.block_tokens);
    const auto order = corpus::SeededPermutation(40, kSeed, static_cast<uint64_t>(block));
    for (int64_t batch = 0; batch < 5; ++batch) {
      const at::Tensor x = buffer.Draw(5 * block + batch, /*layer_index=*/1).x;
      for (int64_t i = 0; i < 8; ++i) {
        const int64_t token = order[static_cast<size_t>(8 * batch + i)];
        ASSERT_TRUE(at::equal(x[i], tokens[token]));
      }
    }
  }
}

TEST_F(ShuffleBufferTest, FillsABlockAgainFromTheSavedPosition) {
  ShuffleBuffer buffer = MakeBuffer();
  ASSERT_THAT(Fill(&buffer, 0, &stream_), IsOk());
  const StreamPosition saved = stream_.position();
  EXPECT_GT(saved.tokens_of_sequence, 0) << "the block ends within a sequence";
  ASSERT_THAT(Fill(&buffer, 1, &stream_), IsOk());

  corpus::SequenceMixture other_mixture = tiny_.Mixture(1);
  ActivationStream other(&tiny_.model(), &other_mixture, settings_);
  other.Seek(saved);
  ShuffleBuffer again = MakeBuffer();
  ASSERT_THAT(Fill(&again, 1, &other), IsOk());
  EXPECT_EQ(other.position(), stream_.position());
  for (int64_t batch = 5; batch < 10; ++batch) {
    EXPECT_TRUE(at::equal(again.Draw(batch, 0).x, buffer.Draw(batch, 0).x));
    EXPECT_TRUE(at::equal(again.Draw(batch, 1).y, buffer.Draw(batch, 1).y));
  }
}

TEST_F(ShuffleBufferTest, TellsHowFarItIs) {
  ShuffleBuffer buffer = MakeBuffer();
  std::vector<int64_t> progress;
  ASSERT_THAT(buffer.Fill(
                  0, &stream_, [&](int64_t n) { progress.push_back(n); }, &context_),
              IsOk());
  EXPECT_TRUE(std::is_sorted(progress.begin(), progress.end()));
  EXPECT_EQ(progress.back(), 40);
}

TEST(BufferStorage, OnDiskTakesItsRoomAndLeavesNoFile) {
  const TempDir dir;
  const auto storage = BufferStorage::OnDisk(1 << 20, dir.File("new"));
  ASSERT_THAT(storage, IsOk());
  EXPECT_EQ((*storage)->size(), 1 << 20);
  (*storage)->data()[(1 << 20) - 1] = std::byte{7};
  EXPECT_EQ((*storage)->data()[(1 << 20) - 1], std::byte{7});
  EXPECT_TRUE(std::filesystem::is_empty(dir.File("new")));
}

TEST(BufferStorage, RefusesMoreMemoryThanTheMachineHas) {
  EXPECT_THAT(BufferStorage::InMemory(int64_t{1} << 50), HasReason("NEVER_FITS"));
}

TEST(BufferStorage, NamesTheFolderThatHasNoRoom) {
  const TempDir dir;
  const auto storage = BufferStorage::OnDisk(int64_t{1} << 50, dir.path());
  EXPECT_THAT(storage, FailsWith(absl::StatusCode::kResourceExhausted, dir.path()));
  EXPECT_THAT(storage, HasReason("DISK_FULL"));
}

}  // namespace
}  // namespace cajal::training
