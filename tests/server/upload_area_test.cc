#include "server/upload_area.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "model/base/status.h"
#include "server/errors.h"
#include "tests/temp_dir.h"

namespace cajal::server {
namespace {

class UploadAreaTest : public testing::Test {
 protected:
  UploadArea::Options Options() {
    return {.directory = dir_.path(),
            .max_total_bytes = 100,
            .max_uploads = 3,
            .max_idle = std::chrono::seconds(3600),
            .now = [this] { return now_; }};
  }
  static absl::StatusOr<UploadArea::Outcome> Add(UploadArea* area, const std::string& id,
                                                 int64_t total, int64_t offset,
                                                 std::string_view data,
                                                 const std::string& owner = "ana") {
    return area->Add({.owner = owner,
                      .id = id,
                      .total_size_bytes = total,
                      .offset_bytes = offset,
                      .data = data});
  }

  TempDir dir_;
  UploadArea::Clock::time_point now_;
};

std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

TEST_F(UploadAreaTest, PartsBecomeTheFile) {
  UploadArea area(Options());
  EXPECT_EQ(Add(&area, "a", 6, 0, "abc")->received_bytes, 3);
  const auto outcome = Add(&area, "a", 6, 3, "def");
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->received_bytes, 6);
  EXPECT_EQ(ReadAll(outcome->file->path()), "abcdef");
}

TEST_F(UploadAreaTest, UploadsOfTwoOwnersDoNotMeet) {
  UploadArea area(Options());
  EXPECT_EQ(Add(&area, "a", 6, 0, "abc", "ana")->received_bytes, 3);
  EXPECT_EQ(Add(&area, "a", 4, 0, "x", "ben")->received_bytes, 1);
  EXPECT_EQ(Add(&area, "a", 6, 0, "", "ana")->received_bytes, 3);
}

TEST_F(UploadAreaTest, AnIdleUploadIsDroppedAfterAnHour) {
  UploadArea area(Options());
  EXPECT_EQ(Add(&area, "a", 6, 0, "abc")->received_bytes, 3);
  now_ += std::chrono::seconds(3600);
  EXPECT_EQ(Add(&area, "a", 6, 0, "")->received_bytes, 3);  // used again
  now_ += std::chrono::seconds(3601);
  EXPECT_EQ(Add(&area, "a", 6, 3, "def")->received_bytes, 0);
}

TEST_F(UploadAreaTest, MoreThanThereIsRoomForWaits) {
  UploadArea area(Options());
  EXPECT_TRUE(Add(&area, "a", 60, 0, "a").ok());
  const absl::Status full = Add(&area, "b", 60, 0, "b").status();
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(full), "UPLOADS_FULL");
  EXPECT_TRUE(RetryDelayOf(full).has_value());
  EXPECT_TRUE(Add(&area, "b", 20, 0, "b").ok());
  EXPECT_TRUE(Add(&area, "c", 20, 0, "c").ok());
  EXPECT_EQ(ReasonOf(Add(&area, "d", 0, 0, "d").status()), "UPLOADS_FULL");  // a fourth
  now_ += std::chrono::seconds(3601);
  EXPECT_TRUE(Add(&area, "b", 60, 0, "b").ok());
}

TEST_F(UploadAreaTest, AWholeFileBelongsToOneCallUntilItIsFinished) {
  UploadArea area(Options());
  const auto first = Add(&area, "a", 3, 0, "abc");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(ReasonOf(Add(&area, "a", 3, 0, "abc").status()), "UPLOAD_BUSY");
  area.Finish("ana", "a", /*keep=*/true);
  const auto second = Add(&area, "a", 3, 3, "");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->file, first->file);
  area.Finish("ana", "a", /*keep=*/false);
  EXPECT_EQ(Add(&area, "a", 3, 0, "")->received_bytes, 0);
}

TEST_F(UploadAreaTest, AFolderThatIsGoneIsAnErrorAndNoUploadIsLeft) {
  UploadArea area({.directory = dir_.File("gone")});
  EXPECT_EQ(Add(&area, "a", 3, 0, "abc").status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Add(&area, "a", 3, 0, "")->received_bytes, 0);
}

}  // namespace
}  // namespace cajal::server
