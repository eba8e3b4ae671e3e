#include "model/corpus/sequence_mixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"

namespace cajal::corpus {
namespace {

using cajal::testing::IsOk;

// Three folders of one word each, so that a sequence tells where it is from.
class SequenceMixtureTest : public ::testing::Test {
 protected:
  SequenceMixtureTest()
      : files_(*LoadPromptFiles("golden/tiny", *checkpoint::LoadConfig("golden/tiny"))) {
    for (size_t i = 0; i < dirs_.size(); ++i) {
      dirs_[i].Write("a.jsonl", std::string("{\"text\": \"") + kWords[i] + "\"}\n");
    }
  }

  absl::StatusOr<SequenceMixture> Open(const std::vector<double>& weights) {
    std::vector<WeightedFolder> folders;
    for (size_t i = 0; i < weights.size(); ++i) folders.push_back({dirs_[i].path(), weights[i]});
    return SequenceMixture::Open(folders, &files_, /*context=*/64, /*seed=*/9);
  }
  // "ababc": the folders of the next n sequences.
  std::string Next(SequenceMixture* mixture, int n) {
    std::string folders;
    for (int i = 0; i < n; ++i) {
      const auto sequence = mixture->Next();
      EXPECT_THAT(sequence, IsOk());
      for (size_t word = 0; word < kWords.size(); ++word) {
        std::vector<int64_t> ids = files_.tokenizer.Encode(kWords[word]);
        ids.insert(ids.begin(), files_.config.bos_token_id);
        if (sequence->token_ids == ids) folders += static_cast<char>('a' + word);
      }
    }
    return folders;
  }

  static constexpr std::array<const char*, 3> kWords = {"of", "France", "capital"};
  const PromptFiles files_;
  std::array<TempDir, 3> dirs_;
};

TEST_F(SequenceMixtureTest, TwoToTwoToOneIsAFixedCycle) {
  auto mixture = Open({2, 2, 1});
  ASSERT_THAT(mixture, IsOk());
  EXPECT_EQ(Next(&*mixture, 15), "ababcababcababc");
}

TEST_F(SequenceMixtureTest, KeepsAnyProportionsFromTheBeginningOn) {
  auto mixture = Open({0.5, 0.3, 0.2});
  ASSERT_THAT(mixture, IsOk());
  const std::string drawn = Next(&*mixture, 1000);
  for (size_t n = 10; n <= drawn.size(); n += 10) {
    const std::string begin = drawn.substr(0, n);
    EXPECT_NEAR(std::count(begin.begin(), begin.end(), 'a'), 0.5 * n, 1.5);
    EXPECT_NEAR(std::count(begin.begin(), begin.end(), 'b'), 0.3 * n, 1.5);
    EXPECT_NEAR(std::count(begin.begin(), begin.end(), 'c'), 0.2 * n, 1.5);
  }
}

TEST_F(SequenceMixtureTest, GoesOnFromASavedCursor) {
  auto undisturbed = Open({2, 2, 1});
  auto resumed = Open({2, 2, 1});
  ASSERT_THAT(undisturbed, IsOk());
  ASSERT_THAT(resumed, IsOk());
  EXPECT_EQ(Next(&*undisturbed, 7), "ababcab");
  resumed->Seek(undisturbed->cursor());
  EXPECT_EQ(resumed->cursor(), undisturbed->cursor());
  EXPECT_EQ(Next(&*resumed, 8), "abcababc");
}

}  // namespace
}  // namespace cajal::corpus
