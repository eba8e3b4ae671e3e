// What cajal-train says when something is wrong, and with which exit code it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/golden_util.h"
#include "tests/trainer/training_folder.h"

namespace cajal::trainer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Usage, HelpShowsEveryFlagWithItsDefaultAndEndsWell) {
  const e2e::ProcessResult help = e2e::RunToEnd({.arguments = {CAJAL_TRAIN_PATH, "--help"}});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* text :
       {"--features N", "Default: 16384", "--buffer-bytes BYTES", "--preset", "Exit codes"}) {
    EXPECT_THAT(help.out, HasSubstr(text));
  }
}

TEST(Usage, AMissingFlagIsWrongUsage) {
  const e2e::ProcessResult result = e2e::RunToEnd({.arguments = {CAJAL_TRAIN_PATH}});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--model"));
}

TEST(Usage, AValueOutOfRangeNamesItsFlag) {
  const TrainingFolder folder;
  struct Case {
    std::vector<std::string> flags;
    std::string message;
  };
  for (const Case& wrong : std::vector<Case>{
           {{"--k", "97"}, "--k: 97 is given; at most"},
           {{"--auxk", "-1"}, "--auxk: -1 is given"},
           {{"--layers", "4-6"}, "--layers: 4-6 is given; the model has layers 0 to 5"},
           {{"--layers", "four"}, "--layers: 'four' is given; expected is 3 or 2-5"},
           {{"--context", "1"}, "--context: 1 is given"},
           {{"--context", "4097"}, "--context: 4097 is given; permitted is 2 to 4096"},
           {{"--data", folder.data_dir() + "=-1"}, "--data: the weight in"}}) {
    const e2e::ProcessResult result = folder.Train(folder.Output("out"), wrong.flags);
    EXPECT_EQ(result.exit_code, 2) << wrong.message;
    EXPECT_THAT(result.err, HasSubstr(wrong.message));
  }
}

TEST(Usage, AConfigFileSetsTheSameNames) {
  const TrainingFolder folder;
  const TempDir configs;
  const std::string file = configs.Write(
      "run.toml", "model = \"golden/tiny\"\ndata = [\"" + folder.data_dir() + "=2\"]\noutput = \"" +
                      folder.Output("out") +
                      "\"\nlayers = \"0\"\nfeatures = 32\nk = 4\nsteps = 2\nbatch-tokens = 16\n");
  const e2e::ProcessResult result =
      e2e::RunToEnd({.arguments = {CAJAL_TRAIN_PATH, "--config", file}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string manifest = golden::ReadBytes(folder.Output("out") + "/manifest.json");
  EXPECT_THAT(manifest, HasSubstr("\"n_features\": 32"));
  EXPECT_THAT(manifest, HasSubstr("\"weight\": 2.0"));
}

TEST(Usage, ThePapersPresetIsMeasuredByTheModelAndOtherFlagsChangeIt) {
  const TrainingFolder folder;
  const std::string output = folder.Output("out");
  const std::string& data = folder.data_dir();
  const e2e::ProcessResult result = e2e::RunToEnd(
      {.arguments = {CAJAL_TRAIN_PATH, "--model", "golden/tiny", "--preset", "paper", "--data",
                     data, "--data", data, "--data", data, "--output", output, "--layers", "2",
                     "--steps", "1", "--batch-tokens", "32"}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string manifest = golden::ReadBytes(output + "/manifest.json");
  EXPECT_THAT(manifest, HasSubstr("\"n_features\": 4096"));  // 64 * 64
  EXPECT_THAT(manifest, HasSubstr("\"k\": 48"));
  EXPECT_THAT(manifest, HasSubstr("\"learning_rate\": 0.0004,"));  // 2e-4 * sqrt(16384 / 4096)
  EXPECT_THAT(manifest, HasSubstr("\"weight\": 2.0"));
  EXPECT_THAT(manifest, HasSubstr("\"weight\": 1.0"));
  EXPECT_THAT(manifest, HasSubstr("\"steps\": 1,"));
}

TEST(BadData, NamesTheFileAndTheLine) {
  const TrainingFolder folder;
  const std::string path = folder.Write("z.jsonl", "{\"text\": \"Good.\"}\n\n{\"text\": 3}\n");
  // Held-out data is read in order, training data may not come to the line.
  const e2e::ProcessResult result =
      folder.Train(folder.Output("out"), {"--held-out-tokens", "0", "--steps", "1"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(path + ":3: 'text' must be a string"));
}

TEST(BadData, NamesAFolderThatIsNone) {
  const TrainingFolder folder;
  const e2e::ProcessResult result =
      folder.Train(folder.Output("out"), {"--held-out", "golden/nowhere"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("golden/nowhere"));
}

TEST(FullDisk, ABufferThatFindsNoRoomNamesItsFolder) {
  const TrainingFolder folder;
  const std::string buffer_dir = folder.Output("buffer");
  const std::vector<std::string> command =
      folder.Command(folder.Output("out"), {"--buffer-dir", buffer_dir});
  const e2e::ProcessResult result =
      e2e::RunToEnd({.arguments = command, .max_file_bytes = 1 << 20});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(buffer_dir + ": no room for the shuffling buffer of"));
}

TEST(FullDisk, ACheckpointThatFindsNoRoomLeavesTheOneBefore) {
  const TrainingFolder folder;
  const std::string output = folder.Output("out");
  {
    e2e::Process process({.arguments = folder.Command(output)});
    ASSERT_TRUE(process.WaitForErrorLine("step 10/"));
    process.Signal(SIGTERM);
    ASSERT_EQ(process.Wait(), 1);
  }
  const e2e::ProcessResult full =
      e2e::RunToEnd({.arguments = folder.Command(output), .max_file_bytes = 100'000});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_THAT(full.err, HasSubstr("layer_0.safetensors"));
  EXPECT_THAT(full.err, HasSubstr("the last good checkpoint is " + output));

  const e2e::ProcessResult last = folder.Train(output);
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_THAT(last.err, HasSubstr("going on after step 1"));
}

TEST(BufferOnDisk, GivesTheSameBytesAsInMemoryAndLeavesNothing) {
  const TrainingFolder folder;
  const std::string buffer_dir = folder.Output("buffer");
  ASSERT_EQ(folder.Train(folder.Output("memory")).exit_code, 0);
  ASSERT_EQ(folder.Train(folder.Output("disk"), {"--buffer-dir", buffer_dir}).exit_code, 0);
  EXPECT_TRUE(ContentOf(folder.Output("disk")) == ContentOf(folder.Output("memory")));
  EXPECT_TRUE(std::filesystem::is_empty(buffer_dir));
}

TEST(Loss, ThatIsNotFiniteEndsTheRunAndNamesTheLastCheckpoint) {
  const TrainingFolder folder;
  const std::string output = folder.Output("out");
  const e2e::ProcessResult result = folder.Train(
      output, {"--learning-rate", "1e30", "--checkpoint-every", "1", "--warmup-steps", "0"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("not finite"));
  EXPECT_THAT(result.err, HasSubstr("checkpoint"));
  EXPECT_FALSE(std::filesystem::exists(output + "/config.yaml"));
}

TEST(Output, ThatAnotherRunUsesIsRefused) {
  const TrainingFolder folder;
  const std::string output = folder.Output("out");
  e2e::Process first({.arguments = folder.Command(output, {"--steps", "100000"})});
  ASSERT_TRUE(first.WaitForErrorLine("layers 0 to 5"));
  const e2e::ProcessResult second = folder.Train(output, {"--steps", "100000"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("is in use by another process"));
}

}  // namespace
}  // namespace cajal::trainer
