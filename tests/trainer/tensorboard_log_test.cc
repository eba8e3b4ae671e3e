#include "trainer/tensorboard_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/golden_util.h"
#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"
#include "trainer/crc32c.h"
#include "trainer/record_framing.h"
#include "trainer/tensorboard_event.pb.h"

namespace cajal::trainer {
namespace {

using cajal::testing::IsOk;

constexpr char kFile[] = "events.out.tfevents.cajal-train";

std::string Bytes(const std::vector<int>& values) { return {values.begin(), values.end()}; }

training::StepEvent StepOf(int64_t step) {
  return {.step = step, .learning_rate = 0.5, .layers = {{.layer = 3, .loss = 2, .fvu = 0.25}}};
}

training::EvaluationEvent EvaluationOf(int64_t step) {
  training::LayerFigures layer{.layer = 3};
  layer.all = {.tokens = 4, .fvu = 0.5};
  return {.step = step, .layers = {layer}};
}

// "2 fvu/layer_3 0.25" for each scalar of the file.
std::vector<std::string> ScalarsOf(const std::string& path) {
  const std::string file = golden::ReadBytes(path);
  std::vector<std::string> scalars;
  size_t offset = 0;
  while (const auto record = ReadRecord(file, offset)) {
    tensorboard::Event event;
    EXPECT_TRUE(event.ParseFromString(std::string(record->bytes)));
    for (const tensorboard::Scalar& scalar : event.summary().value()) {
      EXPECT_TRUE(scalar.has_simple_value()) << scalar.tag();  // TensorBoard shows no other
      std::ostringstream text;
      text << event.step() << " " << scalar.tag() << " " << scalar.simple_value();
      scalars.push_back(text.str());
    }
    offset = record->end;
  }
  EXPECT_EQ(offset, file.size());
  return scalars;
}

// RFC 3720, appendix B.4.
TEST(Crc32c, EqualsTheValuesOfTheRfc) {
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283U);
}

// Made by protoc --encode from the message definitions of TensorBoard:
// Event(wall_time=1.5, step=300, summary=Summary(value=[Summary.Value(tag="a", simple_value=2)])).
TEST(TensorBoardEvent, HasTheFieldsOfTensorBoardsMessages) {
  tensorboard::Event event;
  ASSERT_TRUE(event.ParseFromString(
      Bytes({0x09, 0,    0,    0,    0,    0,    0,   0xf8, 0x3f, 0x10, 0xac, 0x02,
             0x2a, 0x0a, 0x0a, 0x08, 0x0a, 0x01, 'a', 0x15, 0,    0,    0,    0x40})));
  EXPECT_EQ(event.wall_time(), 1.5);
  EXPECT_EQ(event.step(), 300);
  ASSERT_EQ(event.summary().value_size(), 1);
  EXPECT_EQ(event.summary().value(0).tag(), "a");
  EXPECT_EQ(event.summary().value(0).simple_value(), 2);
}

TEST(RecordFraming, FindsNoRecordInATornOrDamagedTail) {
  const std::string record = FrameRecord("an event");
  ASSERT_EQ(record.size(), 8U + 4 + 8 + 4);
  const auto whole = ReadRecord(record + record, record.size());
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->bytes, "an event");
  for (size_t size = 0; size < record.size(); ++size) {
    EXPECT_FALSE(ReadRecord(record.substr(0, size), 0).has_value()) << size;
  }
  std::string damaged = record;
  damaged[14] ^= 1;
  EXPECT_FALSE(ReadRecord(damaged, 0).has_value());
}

TEST(TensorBoardLog, BeginsWithTheVersionAndNamesScalarsByFigureAndLayer) {
  const TempDir dir;
  auto log = TensorBoardLog::Open(dir.path(), 0);
  ASSERT_THAT(log, IsOk());
  ASSERT_THAT(log->Add(StepOf(1)), IsOk());
  const std::string file = golden::ReadBytes(dir.File(kFile));
  const auto first = ReadRecord(file, 0);
  ASSERT_TRUE(first.has_value());
  tensorboard::Event version;
  ASSERT_TRUE(version.ParseFromString(std::string(first->bytes)));
  EXPECT_EQ(version.file_version(), "brain.Event:2");
  EXPECT_THAT(ScalarsOf(dir.File(kFile)),
              ::testing::ElementsAre("1 loss/layer_3 2", "1 fvu/layer_3 0.25", "1 l0/layer_3 0",
                                     "1 dead_share/layer_3 0", "1 fvu/mean 0.25",
                                     "1 fvu/worst 0.25", "1 learning_rate 0.5"));
}

TEST(TensorBoardLog, HasNoStepTwiceAfterARunGoesOnFromACheckpoint) {
  const TempDir dir;
  {
    auto log = TensorBoardLog::Open(dir.path(), 0);
    ASSERT_THAT(log, IsOk());
    for (int64_t step = 1; step <= 4; ++step) {
      ASSERT_THAT(log->Add(StepOf(step)), IsOk());
      ASSERT_THAT(log->Add(EvaluationOf(step)), IsOk());
    }
  }
  const std::string torn = golden::ReadBytes(dir.File(kFile)) + "torn";
  dir.Write(kFile, torn);
  ASSERT_THAT(TensorBoardLog::Open(dir.path(), 2), IsOk());
  std::vector<std::string> fvus;
  for (const std::string& scalar : ScalarsOf(dir.File(kFile))) {
    if (scalar.find("fvu/layer_3") != std::string::npos) fvus.push_back(scalar);
  }
  // The evaluation at the checkpoint's step comes again.
  EXPECT_THAT(fvus, ::testing::ElementsAre("1 fvu/layer_3 0.25", "1 held_out_all_fvu/layer_3 0.5",
                                           "2 fvu/layer_3 0.25"));
}

}  // namespace
}  // namespace cajal::trainer
