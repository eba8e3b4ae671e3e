#include "model/corpus/data_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"

namespace cajal::corpus {
namespace {

using cajal::testing::FailsWith;
using cajal::testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(DataFolder, ReadsFilesInTheOrderOfTheirNamesAndSkipsEmptyLines) {
  const TempDir dir;
  dir.Write("b.jsonl", "{\"text\": \"three\"}");  // no newline at the end
  dir.Write("a.jsonl", "{\"text\": \"one\"}\n \r\n\n{\"text\": \"two\"}\n");
  dir.Write("readme.txt", "not data");
  const auto folder = DataFolder::Open(dir.path());
  ASSERT_THAT(folder, IsOk());
  ASSERT_EQ(folder->n_documents(), 3);
  const std::string expected[] = {"one", "two", "three"};
  for (int64_t i = 0; i < 3; ++i) {
    const auto prompt = folder->ReadDocument(i);
    ASSERT_THAT(prompt, IsOk());
    ASSERT_EQ(prompt->parts.size(), 1U);
    EXPECT_EQ(prompt->parts[0].text, expected[i]);
  }
  EXPECT_EQ(folder->PlaceOf(0), dir.File("a.jsonl") + ":1");
  EXPECT_EQ(folder->PlaceOf(1), dir.File("a.jsonl") + ":4");
  EXPECT_EQ(folder->PlaceOf(2), dir.File("b.jsonl") + ":1");
}

TEST(DataFolder, FindsLinesThatAreLongerThanItsReads) {
  const TempDir dir;
  const std::string long_text(3 << 20, 'x');
  dir.Write("a.jsonl", "{\"text\": \"" + long_text + "\"}\n{\"text\": \"short\"}\n");
  const auto folder = DataFolder::Open(dir.path());
  ASSERT_THAT(folder, IsOk());
  ASSERT_EQ(folder->n_documents(), 2);
  EXPECT_EQ(folder->ReadDocument(0)->parts[0].text, long_text);
  EXPECT_EQ(folder->ReadDocument(1)->parts[0].text, "short");
}

TEST(DataFolder, BringsPicturesThatThePlaceholdersPlace) {
  const TempDir dir;
  std::filesystem::create_directory(dir.File("images"));
  dir.Write("images/1.png", "first");
  dir.Write("images/2.png", "second");
  dir.Write("a.jsonl",
            "{\"text\": \"<start_of_image> or <start_of_image>?\", \"id\": 7,"
            " \"images\": [\"images/1.png\", \"images/./2.png\"]}\n");
  const auto folder = DataFolder::Open(dir.path());
  ASSERT_THAT(folder, IsOk());
  const auto prompt = folder->ReadDocument(0);
  ASSERT_THAT(prompt, IsOk());
  ASSERT_EQ(prompt->parts.size(), 3U);
  EXPECT_EQ(prompt->parts[0].text, "<start_of_image> or <start_of_image>?");
  EXPECT_EQ(prompt->parts[1].image->bytes, "first");
  EXPECT_EQ(prompt->parts[2].image->bytes, "second");
}

TEST(DataFolder, ReadsAChatAndOpensTheModelsTurnOnlyAfterTheUsers) {
  const TempDir dir;
  dir.Write("a.jsonl",
            "{\"chat\": [{\"role\": \"user\", \"content\": \"Which?\"},"
            " {\"role\": \"assistant\", \"content\": \"Mars\"}]}\n"
            "{\"chat\": [{\"role\": \"user\", \"content\": \"Which?\"}]}\n");
  const auto folder = DataFolder::Open(dir.path());
  ASSERT_THAT(folder, IsOk());
  const auto answered = folder->ReadDocument(0);
  ASSERT_THAT(answered, IsOk());
  ASSERT_EQ(answered->turns.size(), 2U);
  EXPECT_EQ(answered->turns[1].role, "assistant");
  EXPECT_EQ(answered->turns[1].parts[0].text, "Mars");
  EXPECT_FALSE(answered->add_generation_prompt);
  EXPECT_TRUE(folder->ReadDocument(1)->add_generation_prompt);
}

TEST(DataFolder, NamesTheFileTheLineAndWhatIsWrong) {
  const TempDir dir;
  const std::string path = dir.Write("a.jsonl",
                                     "{\"text\": \"good\"}\n"
                                     "{\"text\": \"torn\n"
                                     "[]\n"
                                     "{\"prompt\": \"neither\"}\n"
                                     "{\"text\": \"a\", \"chat\": []}\n"
                                     "{\"chat\": [{\"role\": \"user\"}]}\n"
                                     "{\"text\": \"<start_of_image>\", \"images\": [\"../x\"]}\n"
                                     "{\"text\": \"<start_of_image>\", \"images\": [\"no.png\"]}\n"
                                     "{\"text\": \"a\", \"images\": \"1.png\"}\n");
  const auto folder = DataFolder::Open(dir.path());
  ASSERT_THAT(folder, IsOk());
  EXPECT_THAT(folder->ReadDocument(0), IsOk());
  EXPECT_THAT(folder->ReadDocument(1), FailsWith(kInvalid, path + ":2: is not JSON"));
  EXPECT_THAT(folder->ReadDocument(2), FailsWith(kInvalid, path + ":3: is not a JSON object"));
  EXPECT_THAT(folder->ReadDocument(3), FailsWith(kInvalid, path + ":4: one of 'text' and 'chat'"));
  EXPECT_THAT(folder->ReadDocument(4), FailsWith(kInvalid, path + ":5: one of 'text' and 'chat'"));
  EXPECT_THAT(folder->ReadDocument(5),
              FailsWith(kInvalid, path + ":6: 'chat[0]': 'content' must be a string"));
  EXPECT_THAT(folder->ReadDocument(6), FailsWith(kInvalid, path + ":7: 'images' holds \"../x\""));
  EXPECT_THAT(folder->ReadDocument(7),
              FailsWith(absl::StatusCode::kNotFound, path + ":8: " + dir.File("no.png")));
  EXPECT_THAT(folder->ReadDocument(8),
              FailsWith(kInvalid, path + ":9: 'images' must be a list of paths"));
}

TEST(DataFolder, IsRefusedWhenThereIsNothingInIt) {
  const TempDir dir;
  EXPECT_THAT(DataFolder::Open(dir.path()), FailsWith(kInvalid, "holds no *.jsonl file"));
  dir.Write("a.jsonl", "\n\n");
  EXPECT_THAT(DataFolder::Open(dir.path()), FailsWith(kInvalid, "hold no document"));
  EXPECT_THAT(DataFolder::Open(dir.File("none")),
              FailsWith(absl::StatusCode::kNotFound, "is not a folder"));
}

}  // namespace
}  // namespace cajal::corpus
