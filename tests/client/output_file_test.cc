#include "client/cli/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/temp_dir.h"

namespace cajal::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class OutputFileTest : public testing::Test {
 protected:
  [[nodiscard]] size_t FileCount() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(dir_), {}));
  }
  [[nodiscard]] std::string Content(const std::string& path) const {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  const TempDir temp_dir_;
  const fs::path dir_ = temp_dir_.path();
  const std::string path_ = temp_dir_.File("graph.json");
};

TEST_F(OutputFileTest, CheckLeavesNothingBehind) {
  ASSERT_TRUE(OutputFile::Check(path_).ok());
  EXPECT_EQ(FileCount(), 0u);
}

TEST_F(OutputFileTest, WriteReplacesTheOldFileWhole) {
  std::ofstream(path_) << "something much longer than the new content";
  const auto file = OutputFile::Check(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(Content(path_), HasSubstr("longer"));
  ASSERT_TRUE(file->Write("new").ok());
  EXPECT_EQ(Content(path_), "new");
  EXPECT_EQ(FileCount(), 1u);
}

TEST_F(OutputFileTest, AMissingFolderIsFoundByCheck) {
  const auto file = OutputFile::Check((dir_ / "no" / "graph.json").string());
  EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("No such file or directory"));
}

TEST_F(OutputFileTest, AFolderIsNoFile) {
  EXPECT_THAT(std::string(OutputFile::Check(dir_.string()).status().message()),
              HasSubstr("folder"));
  EXPECT_FALSE(OutputFile::Check("").ok());
}

TEST_F(OutputFileTest, ADeviceIsWrittenInPlace) {
  const auto file = OutputFile::Check("/dev/null");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->Write("gone").ok());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(OutputFileTest, ALinkStaysAndItsTargetIsReplaced) {
  const fs::path target = dir_ / "target.json";
  std::ofstream(target) << "old";
  fs::create_symlink(target, path_);
  const auto file = OutputFile::Check(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->Write("new").ok());
  EXPECT_TRUE(fs::is_symlink(path_));
  EXPECT_EQ(Content(target.string()), "new");
  EXPECT_EQ(FileCount(), 2u);
}

TEST_F(OutputFileTest, ALinkThatLeadsNowhereIsNoFile) {
  fs::create_symlink(dir_ / "missing", path_);
  EXPECT_THAT(std::string(OutputFile::Check(path_).status().message()), HasSubstr("leads nowhere"));
}

TEST_F(OutputFileTest, AFullDiskIsReported) {
  if (!fs::exists("/dev/full")) GTEST_SKIP();
  const auto file = OutputFile::Check("/dev/full");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->Write("x").code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace cajal::cli
