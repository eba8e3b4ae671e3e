// How numbers, progress and errors read.
#include "client/cli/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "client/cli/error_text.h"
#include "client/cli/progress_bar.h"

namespace cajal::cli {
namespace {

using ::testing::HasSubstr;

TEST(Format, NumbersAreShortAndHaveUnits) {
  EXPECT_EQ(CountText(0), "0");
  EXPECT_EQ(CountText(999), "999");
  EXPECT_EQ(CountText(1234567), "1,234,567");
  EXPECT_EQ(BytesText(1023), "1023 B");
  EXPECT_EQ(BytesText(1536), "1.5 KiB");
  EXPECT_EQ(BytesText(int64_t{3} << 30), "3.0 GiB");
  EXPECT_EQ(SecondsText(0.0342), "0.034 s");
  EXPECT_EQ(SecondsText(125), "2 min 05 s");
  EXPECT_EQ(TimeText(absl::InfinitePast()), "-");
}

TEST(Format, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(Shortened("été", 3), "\"été\"");
  EXPECT_EQ(Shortened("été chaud", 3), "\"été…\"");
  EXPECT_EQ(Quoted("a\nb"), "\"a\\nb\"");
}

TEST(Format, BytesThatAreNoUtf8DoNotBreakJson) {
  EXPECT_EQ(JsonText(Json("a\xFFz")), "\"a\xEF\xBF\xBDz\"");
}

TEST(Format, ColumnsLineUpByCharactersNotBytes) {
  std::ostringstream out;
  WriteTable({{"é", "1"}, {"ab", "2"}}, &out);
  EXPECT_EQ(out.str(), "é   1\nab  2\n");
}

TEST(ProgressLine, ShowsPhaseShareAndTimeLeft) {
  EXPECT_EQ(
      ProgressLine(
          {.phase = "feature_rows", .done = 2500, .total = 7500, .estimated_seconds_left = 11.2},
          100),
      "feature_rows [########----------------] 2500/7500, about 12 s left");
}

TEST(ProgressLine, ShowsThePlaceInTheQueue) {
  EXPECT_EQ(ProgressLine({.queue_position = 1, .phase = "queued"}, 100), "queued, 1 job ahead");
  EXPECT_EQ(ProgressLine({.queue_position = 2, .phase = "queued"}, 100), "queued, 2 jobs ahead");
}

TEST(ProgressLine, StandsNonsensicalNumbers) {
  EXPECT_EQ(ProgressLine({.phase = "encode", .done = 9, .total = 6}, 100),
            "encode [########################] 6/6");
  EXPECT_EQ(ProgressLine({.phase = "vision"}, 100), "vision");
  EXPECT_EQ(ProgressLine({.phase = "feature_rows", .done = 1, .total = 2}, 12), "feature_rows");
}

TEST(ErrorText, FieldsBecomeFlags) {
  EXPECT_EQ(FlagOfField("settings.max_feature_nodes"), "--max-feature-nodes");
  EXPECT_EQ(FlagOfField("prune.edge_threshold"), "--edge-threshold");
  EXPECT_EQ(FlagOfField("settings.last_layers"), "--layers");
  EXPECT_EQ(FlagOfField("graph.node_ids[1]"), "--nodes");
  EXPECT_EQ(FlagOfField("positions[0]"), "--positions");
  EXPECT_EQ(FlagOfField("hooks[2]"), "--hooks");
  EXPECT_EQ(FlagOfField("targets[0].token"), "--target");
  EXPECT_EQ(FlagOfField("targets[0].token_sum.terms[1].token"), "--target-sum");
  EXPECT_EQ(FlagOfField("targets[0].feature.position"), "--target-feature");
  EXPECT_EQ(FlagOfField("targets[0].position"), "--target-position");
  EXPECT_EQ(FlagOfField("prompt.parts[1].image"), "--image");
  EXPECT_EQ(FlagOfField("prompt.token_ids[4]"), "--tokens");
  EXPECT_EQ(FlagOfField("upload_id"), "--request-id");
  EXPECT_EQ(FlagOfField("name"), "");
}

TEST(ErrorText, ABugOfTheServerPointsToItsLog) {
  EXPECT_THAT(ErrorText("cajal info", "gpu:1", absl::InternalError("error 4711")),
              HasSubstr("cajal info: error 4711\n  That is a bug of the server; its log"));
}

}  // namespace
}  // namespace cajal::cli
