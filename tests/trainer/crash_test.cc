// A run that is killed again and again ends with the bytes of one that was left alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/trainer/training_folder.h"

namespace cajal::trainer {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

void ExpectSameContent(const std::string& dir, const std::string& expected_dir) {
  const auto content = ContentOf(dir);
  const auto expected = ContentOf(expected_dir);
  std::set<std::string> names;
  for (const auto& [name, bytes] : content) {
    // A manifest that was being written may be another run's, so it is left where it is.
    const bool is_unfinished =
        name.ends_with(".tmp") && (name.starts_with("manifest") || name.starts_with("config"));
    if (!is_unfinished) names.insert(name);
  }
  for (const auto& [name, bytes] : expected) {
    ASSERT_EQ(names.erase(name), 1U) << name << " is missing";
    EXPECT_TRUE(content.at(name) == bytes) << name << " differs";
  }
  EXPECT_THAT(names, ::testing::IsEmpty());
}

// The step that the run's latest checkpoint is of; 0 without one.
int LatestStep(const std::string& output) {
  const std::string path = output + "/training/layers_0-5/latest";
  if (!std::filesystem::exists(path)) return 0;
  std::string name;
  std::ifstream(path) >> name;
  return std::stoi(name.substr(name.find('-') + 1));
}

TEST(Crash, AKillAtAnyMomentChangesNoByteOfTheResult) {
  const TrainingFolder folder;
  const std::string undisturbed = folder.Output("undisturbed");
  const e2e::ProcessResult whole = folder.Train(undisturbed);
  ASSERT_EQ(whole.exit_code, 0) << whole.err;

  constexpr int kKills = 20;
  constexpr int kSteps = 100;
  const std::string output = folder.Output("killed");
  std::mt19937 random(11);
  const auto sleep_up_to = [&random](unsigned milliseconds) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % (1000 * milliseconds)));
  };
  int rounds = 0;
  for (; rounds < kKills; ++rounds) {
    e2e::Process process({.arguments = folder.Command(output)});
    // A few steps on from the checkpoint, and somewhere between that step and the next; or anywhere
    // while it loads, evaluates or exports.
    const int latest = LatestStep(output);
    const int step = latest + 1 + static_cast<int>(random() % 9);
    if (random() % 5 == 0) {
      sleep_up_to(300);
    } else if (latest == kSteps) {
      process.WaitForErrorLine("going on after");
      sleep_up_to(60);
    } else {
      process.WaitForErrorLine(absl::StrCat("step ", std::min(step, kSteps), "/"));
      sleep_up_to(30);
    }
    process.Signal(SIGKILL);
    const int ended = process.Wait();
    ASSERT_TRUE(ended == -SIGKILL || ended == 0) << process.err();
    if (ended == 0) break;  // it was faster
  }
  const e2e::ProcessResult last = folder.Train(output);
  ASSERT_EQ(last.exit_code, 0) << last.err;
  RecordProperty("kills", rounds);
  ExpectSameContent(output, undisturbed);
}

TEST(Crash, ASignalWritesACheckpointAndTheSameCommandGoesOn) {
  const TrainingFolder folder;
  const std::string undisturbed = folder.Output("undisturbed");
  ASSERT_EQ(folder.Train(undisturbed, {"--checkpoint-every", "0"}).exit_code, 0);

  const std::string output = folder.Output("stopped");
  for (const int signal_number : {SIGTERM, SIGINT}) {
    e2e::Process process({.arguments = folder.Command(output, {"--checkpoint-every", "0"})});
    ASSERT_TRUE(process.WaitForErrorLine(signal_number == SIGTERM ? "step 30/" : "step 60/"));
    process.Signal(signal_number);
    EXPECT_EQ(process.Wait(), 1);
    EXPECT_THAT(process.err(), HasSubstr("The same command goes on from there"));
    EXPECT_GE(LatestStep(output), signal_number == SIGTERM ? 30 : 60);
  }
  const e2e::ProcessResult last = folder.Train(output, {"--checkpoint-every", "0"});
  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_THAT(last.err, HasSubstr("going on after step "));
  ExpectSameContent(output, undisturbed);
}

TEST(Layers, BecomeTheSameFilesTrainedTogetherOrApart) {
  const TrainingFolder folder;
  const std::string together = folder.Output("together");
  ASSERT_EQ(folder.Train(together).exit_code, 0);
  const std::string apart = folder.Output("apart");
  const e2e::ProcessResult later = folder.Train(apart, {"--layers", "4-5"});
  EXPECT_EQ(later.exit_code, 0) << later.err;
  EXPECT_THAT(later.err, HasSubstr("2 of 6 layers"));
  EXPECT_FALSE(std::filesystem::exists(apart + "/config.yaml"));
  ASSERT_EQ(folder.Train(apart, {"--layers", "0"}).exit_code, 0);
  ASSERT_EQ(folder.Train(apart, {"--layers", "1-3"}).exit_code, 0);

  const auto files = ContentOf(apart);
  int n_same = 0;
  for (const auto& [name, bytes] : ContentOf(together)) {
    if (name.find("layers_") != std::string::npos) continue;  // logs of a run
    ASSERT_EQ(files.count(name), 1U) << name;
    EXPECT_TRUE(files.at(name) == bytes) << name;
    ++n_same;
  }
  EXPECT_EQ(n_same, 6 + 6 + 2);  // weights, records, config.yaml and manifest.json
}

TEST(Resume, OfACompleteRunHasNothingToDo) {
  const TrainingFolder folder;
  const std::string output = folder.Output("out");
  ASSERT_EQ(folder.Train(output).exit_code, 0);
  const auto before = ContentOf(output);
  const e2e::ProcessResult again = folder.Train(output);
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("nothing left to train"));
  EXPECT_TRUE(ContentOf(output) == before);
}

TEST(Resume, WithOtherOptionsIsRefusedUntilRestartIsAskedFor) {
  const TrainingFolder folder;
  const std::string output = folder.Output("out");
  {
    e2e::Process process({.arguments = folder.Command(output)});
    ASSERT_TRUE(process.WaitForErrorLine("step 20/"));
    process.Signal(SIGTERM);
    ASSERT_EQ(process.Wait(), 1);
  }
  const e2e::ProcessResult other = folder.Train(output, {"--weight-decay", "0.5"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, HasSubstr("weight_decay was 0.0 and is now 0.5"));
  EXPECT_THAT(other.err, HasSubstr("--restart"));
  EXPECT_GE(LatestStep(output), 20);

  ASSERT_FALSE(folder.Write("more.jsonl", "{\"text\": \"More text.\"}\n").empty());
  const e2e::ProcessResult other_data = folder.Train(output);
  EXPECT_EQ(other_data.exit_code, 1);
  EXPECT_THAT(other_data.err, HasSubstr("data"));

  const e2e::ProcessResult restarted = folder.Train(output, {"--weight-decay", "0.5", "--restart"});
  EXPECT_EQ(restarted.exit_code, 0) << restarted.err;
  EXPECT_THAT(restarted.err, HasSubstr("\nstep 1/100"));
}

}  // namespace
}  // namespace cajal::trainer
