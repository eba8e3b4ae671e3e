#include "trainer/progress_display.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace cajal::trainer {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

training::StepEvent StepOf(int64_t step) {
  return {.step = step,
          .tokens = 100 * step,
          .layers = {{.layer = 0, .fvu = 0.1, .l0 = 8, .dead_share = 0.01},
                     {.layer = 7, .fvu = 0.3, .l0 = 6, .dead_share = 0.03}}};
}

training::RunStart StartAt(int64_t first_step) {
  return {.device = "cpu", .last_layer = 7, .steps = 400, .first_step = first_step};
}

TEST(ProgressDisplay, GivesTheMeanAndTheWorstOfTheLayers) {
  EXPECT_EQ(FiguresOf(StepOf(1)), "FVU 0.2000, worst 0.3000 (layer 7), L0 7.0, dead 2.0 %");
}

TEST(ProgressDisplay, RewritesOneLineOnATerminalWithRateAndTimeLeft) {
  std::ostringstream out;
  ProgressDisplay display(&out, /*is_terminal=*/true);
  const ProgressDisplay::Clock::time_point start;
  display.Start(StartAt(100), start);
  out.str("");
  // 100 of 300 steps in 20 seconds.
  display.ShowStep(StepOf(200), start + std::chrono::seconds(20));
  EXPECT_THAT(out.str(), StartsWith("\r\033[Kstep 200/400 [########--------] FVU 0.2000"));
  EXPECT_THAT(out.str(), HasSubstr("500 tokens/s, 40 s left"));
  EXPECT_EQ(out.str().find('\n'), std::string::npos);
}

TEST(ProgressDisplay, WritesAHundredthOfTheStepsAsPlainLinesElsewhere) {
  std::ostringstream out;
  ProgressDisplay display(&out, /*is_terminal=*/false);
  display.Start(StartAt(0), {});
  display.ShowPhase("harvest", 1, 2);
  out.str("");
  for (int64_t step = 1; step <= 8; ++step) {
    display.ShowStep(StepOf(step), ProgressDisplay::Clock::time_point(std::chrono::seconds(step)));
  }
  std::istringstream lines(out.str());
  std::vector<std::string> begins;
  for (std::string line; std::getline(lines, line);) begins.push_back(line.substr(0, 11));
  EXPECT_THAT(begins, ::testing::ElementsAre("step 1/400:", "step 4/400:", "step 8/400:"));
}

TEST(Duration, IsGivenInTwoUnitsAtMost) {
  EXPECT_EQ(Duration(0.2), "1 s");
  EXPECT_EQ(Duration(200), "3 min 20 s");
  EXPECT_EQ(Duration(5 * 3600 + 12 * 60 + 3), "5 h 12 min");
}

}  // namespace
}  // namespace cajal::trainer
