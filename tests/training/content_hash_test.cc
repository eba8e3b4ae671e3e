#include "model/training/content_hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/golden_util.h"
#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"

namespace cajal::training {
namespace {

using cajal::testing::FailsWith;
using cajal::testing::IsOk;

// What a shell command prints.
std::string OutputOf(const std::string& command) {
  FILE* const pipe = popen(command.c_str(), "r");
  std::string output;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

// FIPS 180-4, the examples of SHA-256.
TEST(Sha256, EqualsTheStandardsExamples) {
  EXPECT_EQ(Sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256OfDataFolder, IsWhatTheCommandInItsCommentPrints) {
  const TempDir dir;
  for (const char* name : {"images/b", "images/a", ".git"}) {
    std::filesystem::create_directories(dir.File(name));
  }
  dir.Write("z.jsonl", "{\"text\": \"a\"}\n");
  dir.Write("a b.jsonl", "");
  dir.Write("images/b/1.png", "one");
  dir.Write("images/a/2.png", "two");
  dir.Write("images/a.png", "three");
  dir.Write(".hidden", "no");
  dir.Write(".git/config", "no");
  const auto hash = Sha256OfDataFolder(dir.path());
  ASSERT_THAT(hash, IsOk());
  EXPECT_EQ(*hash + "  -\n",
            OutputOf("cd " + dir.path() +
                     " && find -L . -type f -not -path '*/.*' -printf '%P\\0' | LC_ALL=C sort -z | "
                     "xargs -0 sha256sum | sha256sum"));
}

TEST(Sha256OfModelFolder, SeesWhatCajalReadsAndNothingElse) {
  const TempDir dir;
  dir.Write("config.json", "{}");
  dir.Write("model.safetensors", "weights");
  const std::string before = *Sha256OfModelFolder(dir.path());
  dir.Write("README.md", "words");
  dir.Write("examples.json", "[]");
  std::filesystem::create_directory(dir.File("original"));
  dir.Write("original/config.json", "{}");
  EXPECT_EQ(*Sha256OfModelFolder(dir.path()), before);
  for (const char* name : {"model.safetensors", "config.json", "tokenizer.json"}) {
    const std::string hash = *Sha256OfModelFolder(dir.path());
    dir.Write(name, "other");
    EXPECT_NE(*Sha256OfModelFolder(dir.path()), hash) << name;
  }
}

TEST(Sha256OfModelFolder, IsWhatTheEmbeddedTranscodersSayTheyWereTrainedFor) {
  const auto manifest =
      nlohmann::json::parse(golden::ReadBytes("../models/demo/transcoders/manifest.json"));
  EXPECT_EQ(manifest["model"]["sha256"], *Sha256OfModelFolder("../models/demo"));
}

TEST(Sha256OfFile, NamesAFileThatIsMissing) {
  const TempDir dir;
  EXPECT_THAT(Sha256OfFile(dir.File("none")),
              FailsWith(absl::StatusCode::kNotFound, dir.File("none")));
}

}  // namespace
}  // namespace cajal::training
