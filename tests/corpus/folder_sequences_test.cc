#include "model/corpus/folder_sequences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "tests/golden_util.h"
#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"

namespace cajal::corpus {
namespace {

using cajal::testing::FailsWith;
using cajal::testing::IsOk;
using ::testing::ElementsAre;
using Ids = std::vector<int64_t>;

constexpr int64_t kBos = 2;
constexpr int64_t kEos = 1;

class FolderSequencesTest : public ::testing::Test {
 protected:
  FolderSequencesTest()
      : files_(*LoadPromptFiles("golden/tiny", *checkpoint::LoadConfig("golden/tiny"))) {}

  void Write(const std::string& lines) {
    dir_.Write("a.jsonl", lines);
    folder_.emplace(*DataFolder::Open(dir_.path()));
  }
  void AddImage(const std::string& name) {
    std::filesystem::copy_file("golden/images/" + name, dir_.File(name));
  }
  FolderSequences Sequences(const SequenceOptions& options, const FolderCursor& cursor = {}) {
    return {&*folder_, &files_, options, cursor};
  }
  // The ids of a text without <bos>.
  Ids Encode(const std::string& text) { return files_.tokenizer.Encode(text); }

  const PromptFiles files_;
  const TempDir dir_;
  std::optional<DataFolder> folder_;
};

// All sequences of one epoch.
std::vector<Ids> Epoch(FolderSequences* sequences) {
  std::vector<Ids> ids;
  for (;;) {
    auto sequence = sequences->Next();
    EXPECT_THAT(sequence, IsOk());
    if (!sequence.ok() || !sequence->has_value()) return ids;
    ids.push_back((*sequence)->token_ids);
  }
}

Ids Join(std::initializer_list<Ids> pieces) {
  Ids joined;
  for (const Ids& piece : pieces) joined.insert(joined.end(), piece.begin(), piece.end());
  return joined;
}

TEST_F(FolderSequencesTest, PackTextsWithEosBetweenThemAndGoOnInTheNextBlock) {
  Write("{\"text\": \"The capital\"}\n{\"text\": \"of France is\"}\n{\"text\": \"a planet\"}\n");
  const Ids all =
      Join({Encode("The capital"), {kEos}, Encode("of France is"), {kEos}, Encode("a planet")});
  constexpr int64_t kContext = 7;
  FolderSequences sequences = Sequences({.context = kContext});
  Ids seen;
  for (const Ids& block : Epoch(&sequences)) {
    EXPECT_LE(block.size(), static_cast<size_t>(kContext));
    EXPECT_EQ(block.front(), kBos);
    // A block that ends with a document leaves out the <eos> after it.
    if (!seen.empty() && all[seen.size()] == kEos && block[1] != kEos) seen.push_back(kEos);
    seen.insert(seen.end(), block.begin() + 1, block.end());
  }
  EXPECT_EQ(seen, all);
}

TEST_F(FolderSequencesTest, ADocumentWithAPictureIsASequenceOfItsOwn) {
  AddImage("noise_56x56.png");
  Write(
      "{\"text\": \"The\"}\n"
      "{\"text\": \"<start_of_image> is\", \"images\": [\"noise_56x56.png\"]}\n"
      "{\"text\": \"of\"}\n");
  FolderSequences sequences = Sequences({.context = 64});
  const auto text = sequences.Next();
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ((*text)->token_ids, Join({{kBos}, Encode("The")}));
  EXPECT_TRUE((*text)->pixels.empty());
  const auto picture = sequences.Next();
  ASSERT_THAT(picture, IsOk());
  ASSERT_EQ((*picture)->image_spans.size(), 1U);
  const tokenizer::ImageSpan& span = (*picture)->image_spans[0];
  EXPECT_EQ(span.end - span.begin, 4);
  EXPECT_EQ((*picture)->token_ids[static_cast<size_t>(span.begin)], files_.config.image_token_id);
  const auto expected = golden::Values<float>(*golden::OpenSafetensors("golden/images.safetensors"),
                                              "noise_56x56.png.pixel_values");
  EXPECT_EQ((*picture)->pixels, expected);
  const auto rest = sequences.Next();
  ASSERT_THAT(rest, IsOk());
  EXPECT_EQ((*rest)->token_ids, Join({{kBos}, Encode("of")}));
}

TEST_F(FolderSequencesTest, AChatIsRenderedByTheTemplate) {
  Write(
      "{\"chat\": [{\"role\": \"user\", \"content\": \"is\"},"
      " {\"role\": \"assistant\", \"content\": \"of\"}]}\n");
  FolderSequences sequences = Sequences({.context = 64});
  EXPECT_THAT(Epoch(&sequences),
              ElementsAre(Join({{kBos},
                                Encode("<start_of_turn>user\nis<end_of_turn>\n"
                                       "<start_of_turn>model\nof<end_of_turn>\n")})));
}

TEST_F(FolderSequencesTest, ALongDocumentWithAPictureIsCutBehindIt) {
  AddImage("noise_56x56.png");
  Write(
      "{\"text\": \"<start_of_image> The capital of France is\","
      " \"images\": [\"noise_56x56.png\"]}\n");
  FolderSequences whole = Sequences({.context = 64});
  const Ids ids = Epoch(&whole).front();
  FolderSequences cut = Sequences({.context = 10});
  EXPECT_THAT(Epoch(&cut), ElementsAre(Ids(ids.begin(), ids.begin() + 10)));
  EXPECT_THAT(Sequences({.context = 5}).Next(),
              FailsWith(absl::StatusCode::kInvalidArgument,
                        dir_.File("a.jsonl") + ":1: its last picture ends at position"));
}

TEST_F(FolderSequencesTest, NamesTheLineOfADocumentThatTheTokenizerRefuses) {
  Write("{\"text\": \"fine\"}\n{\"text\": \"<start_of_image> but no picture\"}\n");
  FolderSequences sequences = Sequences({.context = 64});
  EXPECT_THAT(sequences.Next(), FailsWith(absl::StatusCode::kInvalidArgument,
                                          dir_.File("a.jsonl") + ":2: prompt.parts"));
}

TEST_F(FolderSequencesTest, EachEpochHasEveryDocumentInAnotherOrder) {
  AddImage("up_13x9.png");
  std::string lines;
  std::set<Ids> documents;
  for (const std::string word : {"The", "capital", "of", "France", "is", "a"}) {
    // With a picture, so that each is a sequence.
    lines += "{\"text\": \"<start_of_image>" + word + "\", \"images\": [\"up_13x9.png\"]}\n";
  }
  Write(lines);
  FolderSequences in_order = Sequences({.context = 64});
  const std::vector<Ids> as_they_lie = Epoch(&in_order);
  FolderSequences shuffled = Sequences({.context = 64, .shuffle_seed = 3});
  const std::vector<Ids> first = Epoch(&shuffled);
  const std::vector<Ids> second = Epoch(&shuffled);
  EXPECT_THAT(first, ::testing::UnorderedElementsAreArray(as_they_lie));
  EXPECT_THAT(second, ::testing::UnorderedElementsAreArray(as_they_lie));
  EXPECT_NE(first, second);
  EXPECT_NE(first, as_they_lie);
}

TEST_F(FolderSequencesTest, GoOnFromEveryCursorAsIfTheyHadNotStopped) {
  AddImage("up_13x9.png");
  Write(
      "{\"text\": \"The capital of France is a planet of many words\"}\n"
      "{\"text\": \"<start_of_image> is\", \"images\": [\"up_13x9.png\"]}\n"
      "{\"text\": \"of France\"}\n{\"text\": \"is the\"}\n");
  const SequenceOptions options{.context = 6, .shuffle_seed = 1};
  const SequenceOptions wide{.context = 16, .shuffle_seed = 1};
  for (const SequenceOptions& each : {wide, options}) {
    if (each.context < 16) dir_.Write("a.jsonl", "{\"text\": \"The capital of France is a\"}\n");
    folder_.emplace(*DataFolder::Open(dir_.path()));
    FolderSequences undisturbed = Sequences(each);
    FolderCursor cursor;
    for (int i = 0; i < 20; ++i) {
      const auto expected = undisturbed.Next();
      FolderSequences resumed = Sequences(each, cursor);
      const auto sequence = resumed.Next();
      ASSERT_THAT(expected, IsOk());
      ASSERT_THAT(sequence, IsOk());
      ASSERT_EQ(sequence->has_value(), expected->has_value());
      if (expected->has_value()) {
        EXPECT_EQ((*sequence)->token_ids, (*expected)->token_ids);
        EXPECT_EQ((*sequence)->pixels, (*expected)->pixels);
      }
      EXPECT_EQ(resumed.cursor(), undisturbed.cursor());
      cursor = resumed.cursor();
    }
    EXPECT_GT(cursor.epoch, 0);
  }
}

}  // namespace
}  // namespace cajal::corpus
