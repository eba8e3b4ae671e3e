#include "trainer/csv_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/golden_util.h"
#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"

namespace cajal::trainer {
namespace {

using cajal::testing::IsOk;

constexpr char kHeader[] = "step,tokens,layer,learning_rate,loss,fvu,l0,dead_share,grad_norm\n";

training::StepEvent StepOf(int64_t step) {
  return {
      .step = step,
      .tokens = 8 * step,
      .learning_rate = 0.25,
      .layers = {{.layer = 2, .loss = 1.5, .fvu = 0.5, .l0 = 4, .dead_share = 0, .grad_norm = 2},
                 {.layer = 3, .loss = 1, .fvu = 0.125, .l0 = 3, .dead_share = 1, .grad_norm = 7}}};
}

training::EvaluationEvent EvaluationOf(int64_t step) {
  training::LayerFigures layer{.layer = 2};
  layer.all = {.tokens = 10, .fvu = 0.25, .mean_l0 = 4, .dead_share = 0.5, .dense_share = 0.125};
  layer.text = layer.all;
  return {.step = step, .layers = {layer}};
}

void Write(const std::string& dir, int64_t first_step, int64_t last_step) {
  auto log = CsvLog::Open(dir, first_step);
  ASSERT_THAT(log, IsOk());
  for (int64_t step = first_step + 1; step <= last_step; ++step) {
    ASSERT_THAT(log->Add(StepOf(step)), IsOk());
    if (step % 2 == 0) {
      ASSERT_THAT(log->Add(EvaluationOf(step)), IsOk());
    }
  }
  ASSERT_THAT(log->Sync(), IsOk());
}

TEST(CsvLog, WritesOneRowForEachLayer) {
  const TempDir dir;
  Write(dir.path(), 0, 1);
  EXPECT_EQ(golden::ReadBytes(dir.File("log.csv")),
            std::string(kHeader) + "1,8,2,0.25,1.5,0.5,4,0,2\n1,8,3,0.25,1,0.125,3,1,7\n");
}

TEST(CsvLog, WritesOneRowForEachModalityAndNoFvuWhereThereIsNone) {
  const TempDir dir;
  Write(dir.path(), 0, 2);
  EXPECT_EQ(golden::ReadBytes(dir.File("held_out.csv")),
            "step,layer,modality,tokens,fvu,l0,dead_share,dense_share\n"
            "2,2,all,10,0.25,4,0.5,0.125\n2,2,image,0,,0,0,0\n2,2,text,10,0.25,4,0.5,0.125\n");
}

TEST(CsvLog, HasNoStepTwiceAfterARunGoesOnFromACheckpoint) {
  const TempDir undisturbed;
  Write(undisturbed.path(), 0, 8);
  const TempDir dir;
  Write(dir.path(), 0, 7);  // killed after step 7; the checkpoint is of step 4
  Write(dir.path(), 4, 8);
  for (const char* file : {"log.csv", "held_out.csv"}) {
    // The evaluation at step 4 comes again; this Write begins after it.
    std::string expected = golden::ReadBytes(undisturbed.File(file));
    if (std::string(file) == "held_out.csv") {
      const size_t begin = expected.find("4,2,all");
      expected.erase(begin, expected.find("6,2,all") - begin);
    }
    EXPECT_EQ(golden::ReadBytes(dir.File(file)), expected) << file;
  }
}

TEST(CsvLog, DropsARowThatAKillLeftUnfinished) {
  const TempDir dir;
  Write(dir.path(), 0, 2);
  const std::string whole = golden::ReadBytes(dir.File("log.csv"));
  dir.Write("log.csv", whole + "3,24,2,0.2");
  ASSERT_THAT(CsvLog::Open(dir.path(), 5), IsOk());
  EXPECT_EQ(golden::ReadBytes(dir.File("log.csv")), whole);
}

}  // namespace
}  // namespace cajal::trainer
