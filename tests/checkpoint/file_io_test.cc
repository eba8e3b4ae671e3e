#include "model/checkpoint/file_io.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/golden_util.h"
#include "tests/temp_dir.h"

namespace cajal::checkpoint {
namespace {

using ::testing::HasSubstr;

std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

size_t FilesIn(const TempDir& dir) {
  const std::filesystem::directory_iterator files(dir.path());
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

TEST(WriteFileAtomically, ReplacesTheOldFileAndLeavesNothingElse) {
  const TempDir dir;
  const std::string path = dir.Write("f", "old and longer");
  const std::string first = "ne";
  const std::string second = "w";
  ASSERT_TRUE(WriteFileAtomically(path, {Bytes(first), {}, Bytes(second)}).ok());
  EXPECT_EQ(golden::ReadBytes(path), "new");
  EXPECT_EQ(FilesIn(dir), 1u);
}

TEST(WriteFileAtomically, GoesPastTheTemporaryFilesOfAKilledProcessWithItsNumber) {
  const TempDir dir;
  for (int i = 0; i < 100; ++i) {
    dir.Write("f." + std::to_string(getpid()) + "." + std::to_string(i) + ".tmp", "unfinished");
  }
  const std::string text = "new";
  ASSERT_TRUE(WriteFileAtomically(dir.File("f"), {Bytes(text)}).ok());
  EXPECT_EQ(golden::ReadBytes(dir.File("f")), "new");
  EXPECT_EQ(FilesIn(dir), 101u);
}

TEST(WriteFileAtomically, MissingFolderIsNotFound) {
  const TempDir dir;
  EXPECT_EQ(WriteFileAtomically(dir.File("absent/f"), {}).code(), absl::StatusCode::kNotFound);
}

TEST(WriteFileAtomically, KeepsTheOldFileWhenTheNewOneDoesNotFit) {
  const TempDir dir;
  const std::string path = dir.Write("f", "old");
  const std::string large(1 << 16, 'x');
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1 << 12, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = WriteFileAtomically(path, {Bytes(large)});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  EXPECT_EQ(golden::ReadBytes(path), "old");
  EXPECT_EQ(FilesIn(dir), 1u);
}

TEST(WriteFully, FullDiskIsResourceExhausted) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  const std::string text = "anything";
  const absl::Status status = WriteFully(full, Bytes(text), "graph.json");
  close(full);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  EXPECT_THAT(std::string(status.message()), HasSubstr("graph.json"));
}

TEST(ReadFile, RefusesAFileAboveTheLimitBeforeReadingIt) {
  const TempDir dir;
  const std::string path = dir.Write("f", "12345");
  EXPECT_EQ(*ReadFile(path, 5), "12345");
  const absl::Status status = ReadFile(path, 4).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has 5 bytes; at most 4"));
}

TEST(MappedFile, EmptyFileGivesAnEmptySpan) {
  const TempDir dir;
  const auto file = MappedFile::Open(dir.Write("f", ""));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->bytes().empty());
}

}  // namespace
}  // namespace cajal::checkpoint
