#include "model/training/training_checkpoint.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/golden_util.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"

namespace cajal::training {
namespace {

using cajal::testing::FailsWith;
using cajal::testing::HasReason;
using cajal::testing::IsOk;
using cajal::testing::RandomTensors;

constexpr int64_t kWidth = 8;

LayerTrainers MakeTrainers() {
  const TrainingSettings settings{
      .n_features = 12, .k = 3, .warm_up_steps = 0, .batch_tokens = 16, .steps = 10};
  const auto workspace = std::make_shared<TrainingWorkspace>(at::kCPU);
  LayerTrainers trainers;
  for (int layer = 3; layer < 5; ++layer) {
    trainers.push_back(*LayerTrainer::Create(settings, kWidth, kWidth, layer, workspace));
  }
  return trainers;
}

// One step of each trainer, on data that the seed decides.
void Step(const LayerTrainers& trainers, uint64_t seed) {
  RandomTensors random(seed);
  for (const auto& trainer : trainers) {
    ASSERT_THAT(trainer->Step(random.Matrix(16, kWidth), random.Matrix(16, kWidth)), IsOk());
  }
}

RunPosition PositionAt(int64_t step) {
  RunPosition position{.step = step, .block = 4};
  position.block_start.mixture = {.folders = {{.epoch = 1, .document = 2, .token = 3}, {}},
                                  .drawn = {7, 8}};
  position.block_start.tokens_of_sequence = 9;
  return position;
}

TEST(TrainingCheckpoint, BringsBackThePositionTheRecordAndEveryByteOfTheTrainers) {
  const TempDir dir;
  const LayerTrainers trainers = MakeTrainers();
  Step(trainers, 1);
  const auto path =
      WriteCheckpoint(dir.path(), PositionAt(1), {{"settings", {{"k", 3}}}}, trainers);
  ASSERT_THAT(path, IsOk());

  const auto state = ReadLatestCheckpoint(dir.path());
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(state->path, *path);
  EXPECT_EQ(state->position, PositionAt(1));
  EXPECT_EQ(state->record.at("settings").at("k"), 3);
  const LayerTrainers restored = MakeTrainers();
  ASSERT_THAT(RestoreTrainers(*path, restored), IsOk());
  Step(trainers, 2);
  Step(restored, 2);
  for (size_t i = 0; i < trainers.size(); ++i) {
    const auto expected = trainers[i]->SaveState();
    for (const auto& [name, tensor] : restored[i]->SaveState()) {
      EXPECT_TRUE(at::equal(tensor, expected.at(name))) << name;
    }
  }
}

TEST(TrainingCheckpoint, IsNoneBeforeTheFirst) {
  const TempDir dir;
  const auto state = ReadLatestCheckpoint(dir.path());
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(state->path, "");
}

TEST(TrainingCheckpoint, DeletesTheOneBeforeOnlyWhenTheNewOneIsWhole) {
  const TempDir dir;
  const LayerTrainers trainers = MakeTrainers();
  ASSERT_THAT(WriteCheckpoint(dir.path(), PositionAt(1), {}, trainers), IsOk());
  // What a kill in the middle of the next one leaves.
  std::filesystem::create_directory(dir.File("checkpoint-2"));
  dir.Write("checkpoint-2/layer_3.safetensors", "half");
  EXPECT_EQ(ReadLatestCheckpoint(dir.path())->position.step, 1);

  ASSERT_THAT(WriteCheckpoint(dir.path(), PositionAt(2), {}, trainers), IsOk());
  EXPECT_EQ(ReadLatestCheckpoint(dir.path())->position.step, 2);
  EXPECT_FALSE(std::filesystem::exists(dir.File("checkpoint-1")));
  ASSERT_THAT(RestoreTrainers(dir.File("checkpoint-2"), MakeTrainers()), IsOk());

  ASSERT_THAT(RemoveCheckpoints(dir.path()), IsOk());
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(TrainingCheckpoint, IsNotWrittenWithAParameterThatIsNotFinite) {
  const TempDir dir;
  const LayerTrainers trainers = MakeTrainers();
  ASSERT_THAT(WriteCheckpoint(dir.path(), PositionAt(1), {}, trainers), IsOk());
  trainers[1]->parameters().b_dec[2].fill_(std::numeric_limits<float>::infinity());
  const auto path = WriteCheckpoint(dir.path(), PositionAt(2), {}, trainers);
  EXPECT_THAT(path, FailsWith(absl::StatusCode::kFailedPrecondition, "layer 4: b_dec"));
  EXPECT_THAT(path, HasReason("LOSS_NOT_FINITE"));
  EXPECT_EQ(ReadLatestCheckpoint(dir.path())->position.step, 1);
  EXPECT_FALSE(std::filesystem::exists(dir.File("checkpoint-2")));
}

TEST(TrainingCheckpoint, NamesTheFileThatIsDamaged) {
  const TempDir dir;
  const LayerTrainers trainers = MakeTrainers();
  ASSERT_THAT(WriteCheckpoint(dir.path(), PositionAt(1), {}, trainers), IsOk());
  dir.Write("checkpoint-1/layer_4.safetensors", "damaged");
  EXPECT_THAT(RestoreTrainers(dir.File("checkpoint-1"), MakeTrainers()),
              FailsWith(absl::StatusCode::kInvalidArgument, "layer_4.safetensors"));
  dir.Write("checkpoint-1/state.json", "{}");
  EXPECT_THAT(ReadLatestCheckpoint(dir.path()),
              FailsWith(absl::StatusCode::kInvalidArgument, "state.json is damaged"));
}

}  // namespace
}  // namespace cajal::training
